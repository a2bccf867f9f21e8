// .npy and .npz: bytes as numpy/lib/format.py defines them, and every way to break them.
#include "chainrule/tensor/npy.hpp"

#include <cstring>

#include "chainrule/tensor/body_internal.hpp"
#include "tests/support/scratch.hpp"

namespace chainrule {
namespace {

using test::contents;
using test::error_of;
using test::Scratch;

// A file of the format: magic, version, length of the header (2 bytes, from 2.0 on 4), header,
// data.
std::string npy(const std::string& header, const std::string& data, char major = 1) {
  std::string file = "\x93NUMPY";
  file += major;
  file += '\0';
  for (int k = 0; k < (major == 1 ? 2 : 4); ++k) {
    file += static_cast<char>(header.size() >> (8 * k) & 0xFF);
  }
  return file + header + data;
}
std::string described(const std::string& descr, const std::string& shape,
                      const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape +
         ", }   \n";
}
std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

class NpyFiles : public ::testing::Test {
 protected:
  Tensor loaded(const std::string& file) const { return load_npy(folder.write("a.npy", file)); }
  // What is said of the file, without "[load_npy] PATH: ".
  std::string refusal(const std::string& file) const {
    const std::string path = folder.write("a.npy", file);
    const std::string line = error_of([&] { load_npy(path); });
    const std::string head = "[load_npy] " + path + ": ";
    return line.starts_with(head) ? line.substr(head.size()) : line;
  }
  Scratch folder;
};

const std::string kTwo = bytes({0, 0, 0, 0, 0, 0, 0, 0x40});  // 2.0, little-endian
const std::string kMinusHalf = bytes({0, 0, 0, 0, 0, 0, 0xE0, 0xBF});

TEST_F(NpyFiles, of_each_version_are_read) {
  for (const char major : {'\1', '\2', '\3'}) {
    const Tensor t = loaded(npy(described("<f8", "(2,)"), kTwo + kMinusHalf, major));
    EXPECT_EQ(t.type(), (TensorType{f64, {2}}));
    EXPECT_EQ(t.values(), (std::vector<double>{2, -0.5}));
  }
}

TEST_F(NpyFiles, of_each_element_and_byte_order_are_read) {
  struct Case {
    const char* descr;
    std::string data;
    double value;
    Precision element;
  };
  const Case cases[] = {
      {"<f8", kTwo, 2, f64},
      {">f8", bytes({0x40, 0, 0, 0, 0, 0, 0, 0}), 2, f64},
      {"<f4", bytes({0, 0, 0xC0, 0x3F}), 1.5, f32},
      {">f4", bytes({0x3F, 0xC0, 0, 0}), 1.5, f32},
      {"<f2", bytes({0x00, 0xC1}), -2.5, f32},
      {"<f2", bytes({0x01, 0x00}), 0x1p-24, f32},
      {"<f2", bytes({0xFF, 0x7B}), 65504, f32},
      {"<f2", bytes({0x00, 0xFC}), -std::numeric_limits<double>::infinity(), f32},
      {"|b1", bytes({1}), 1, f64},
      {"|b1", bytes({0}), 0, f64},
      {"|u1", bytes({200}), 200, f64},
      {"|i1", bytes({200}), -56, f64},
      {"<u2", bytes({1, 2}), 513, f64},
      {">i2", bytes({0xFF, 0xFE}), -2, f64},
      {">u4", bytes({0x80, 0, 0, 1}), 2147483649.0, f64},
      {"<i4", bytes({0xFE, 0xFF, 0xFF, 0xFF}), -2, f64},
      {"<u8", bytes({0, 0, 0, 0, 0, 0, 0, 0x80}), 0x1p63, f64},
      {">i8", bytes({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xF9}), -7, f64},
  };
  for (const Case& c : cases) {
    const Tensor t = loaded(npy(described(c.descr, "()"), c.data));
    EXPECT_EQ(t.type(), (TensorType{c.element, {}})) << c.descr;
    EXPECT_EQ(t.values(), std::vector<double>{c.value}) << c.descr;
  }
}

TEST_F(NpyFiles, in_fortran_order_are_read_row_by_row) {
  // [[1, 2, 3], [4, 5, 6]] column by column.
  const Tensor t = loaded(npy(described("|u1", "(2, 3)", "True"), bytes({1, 4, 2, 5, 3, 6})));
  EXPECT_EQ(t.shape(), (Shape{2, 3}));
  EXPECT_TRUE(t.is_contiguous());
  EXPECT_EQ(t.values(), (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST_F(NpyFiles, may_write_the_dictionary_otherwise) {
  EXPECT_EQ(
      loaded(npy("{\"shape\":(1L,2L),\"descr\":\"|u1\",\"fortran_order\":False}", bytes({7, 8})))
          .values(),
      (std::vector<double>{7, 8}));
}

TEST_F(NpyFiles, without_elements_are_read) {
  EXPECT_EQ(loaded(npy(described("<f4", "(0, 3)"), "")).type(), (TensorType{f32, {0, 3}}));
  EXPECT_EQ(loaded(npy(described("<f8", "(0, 1000000000000)"), "")).shape(),
            (Shape{0, 1000000000000}));
}

TEST_F(NpyFiles, are_written_as_numpy_writes_them) {
  save_npy(folder / "out.npy", tensor({{1, 2, 3}, {-0.5, 0, 2}}));
  const std::string file = contents(folder / "out.npy");
  // 128 bytes, of which 118 = 0x76 follow the length; then the elements, last axis fastest.
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";
  header.resize(117, ' ');
  EXPECT_EQ(file.substr(0, 128), std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n");
  EXPECT_EQ(file.size(), 128 + 48U);
  EXPECT_EQ(file.substr(128 + 24, 8), kMinusHalf);
  EXPECT_EQ(file.substr(128 + 40, 8), kTwo);
  save_npy(folder / "out.npy", full({4}, 1.5, f32));
  EXPECT_NE(contents(folder / "out.npy")
                .find("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }"),
            std::string::npos);
  save_npy(folder / "out.npy", full({}, 1.5));
  EXPECT_NE(contents(folder / "out.npy").find("'shape': (), }"), std::string::npos);
}

TEST_F(NpyFiles, give_back_what_was_saved) {
  const Tensor t = arange(24);
  for (const Precision element : {f32, f64}) {
    for (const Shape& shape :
         {Shape{}, Shape{24}, Shape{2, 3, 4}, Shape{0}, Shape{1, 1, 1, 1, 1, 1, 1, 24}}) {
      const Tensor saved = converted(make_view(t, shape, dense_strides(shape)), element);
      save_npy(folder / "t.npy", saved);
      const Tensor back = load_npy(folder / "t.npy");
      EXPECT_EQ(back.type(), saved.type());
      EXPECT_EQ(back.values(), saved.values());
    }
  }
  save_npy(folder / "t.npy", make_view(t, {3, 2}, {1, 12}));
  EXPECT_EQ(load_npy(folder / "t.npy").values(), (std::vector<double>{0, 12, 1, 13, 2, 14}));
}

TEST_F(NpyFiles, that_are_broken_say_where) {
  const std::string good = described("<f8", "(2,)");
  EXPECT_EQ(refusal(""), "it has 0 bytes and is no .npy file");
  EXPECT_EQ(refusal("PK\3\4 something else"), "it does not begin as a .npy file does");
  EXPECT_EQ(refusal(npy(good, "", 9)), "it has the format 9.0: 1.0, 2.0 and 3.0 can be read");
  EXPECT_EQ(refusal(npy(good, "").substr(0, 40)), "the header has 61 bytes, but 30 are left");
  EXPECT_EQ(refusal(std::string("\x93NUMPY\x02\x00\xFF\xFF", 10)), "it ends before its header");
  EXPECT_EQ(refusal(std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF", 12)),
            "the header has 4294967295 bytes, but 0 are left");
  EXPECT_EQ(refusal(npy(good, kTwo)), "the shape (2,) takes 16 bytes, but there are 8");
  EXPECT_EQ(refusal(npy(good, kTwo + kTwo + "x")),
            "the shape (2,) takes 16 bytes, but there are 17");
  EXPECT_EQ(
      refusal(npy(described("<c16", "(1,)"), kTwo + kTwo)),
      "the elements are '<c16': b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4 and f8 can be read");
  EXPECT_EQ(refusal(npy(described("", "(1,)"), "")),
            "the elements are '': b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4 and f8 can be read");
  EXPECT_EQ(refusal(npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", kTwo)),
            "the elements are records: arrays of numbers can be read");
  EXPECT_EQ(refusal(npy("{'descr': '<f8', 'shape': (1,)}", kTwo)),
            "the header has no key 'fortran_order'");
  EXPECT_EQ(refusal(npy("{'fortran_order': False, 'shape': (1,)}", kTwo)),
            "the header has no key 'descr'");
  EXPECT_EQ(refusal(npy("{'descr': '<f8', 'fortran_order': False}", kTwo)),
            "the header has no key 'shape'");
  EXPECT_EQ(refusal(npy("{'descr': '<f8', 'descr': '<f8'}", kTwo)),
            "the header has the key 'descr' twice");
  EXPECT_EQ(refusal(npy("{'colour': 1}", kTwo)), "the header has the unknown key 'colour'");
  EXPECT_EQ(refusal(npy("{'descr': '<f8'", kTwo)),
            "byte 15 of the header: expected '}', found its end");
  EXPECT_EQ(refusal(npy("{'descr: 1", kTwo)),
            "byte 1 of the header: expected a string that ends, found ''descr: 1'");
  EXPECT_EQ(refusal(npy(described("<f8", "(2,)", "Maybe"), kTwo)),
            "byte 34 of the header: expected True or False, found 'Maybe, 'shape': (2,)'");
  EXPECT_EQ(refusal(npy(described("<f8", "(-1,)"), kTwo)),
            "byte 51 of the header: expected the size of an axis, found '-1,), }   ?'");
  EXPECT_EQ(refusal(npy(good + "x", kTwo + kTwo)),
            "byte 61 of the header: expected the end of the header, found 'x'");
  EXPECT_EQ(refusal(npy(described("<f8", "(1,1,1,1,1,1,1,1,1)"), kTwo)),
            "the array has more than 8 axes, or more elements than memory has bytes");
}

TEST_F(NpyFiles, that_claim_too_much_take_no_memory) {
  EXPECT_EQ(refusal(npy(described("<f8", "(1000000000000,)"), kTwo)),
            "the shape (1000000000000,) takes 8000000000000 bytes, but there are 8");
  EXPECT_EQ(refusal(npy(described("<f8", "(4294967296, 4294967296)"), kTwo)),
            "the array has more than 8 axes, or more elements than memory has bytes");
  EXPECT_EQ(refusal(npy(described("<f8", "(99999999999999999999,)"), kTwo)),
            "the shape has too large a size");
  EXPECT_EQ(refusal(npy(std::string((1 << 20) + 1, ' '), "", 2)), "the header has 1048577 bytes");
}

TEST_F(NpyFiles, that_are_none_are_named) {
  EXPECT_EQ(error_of([&] { load_npy(folder / "none"); }),
            "[read] " + folder / "none" + " cannot be read: No such file or directory");
  EXPECT_EQ(error_of([&] { load_npy("/tmp"); }), "[read] /tmp cannot be read: it is a folder");
  EXPECT_EQ(error_of([&] { load_npy("/dev/null"); }),
            "[read] /dev/null cannot be read: it is no regular file");
  EXPECT_EQ(
      error_of([&] { save_npy(folder / "no/such/folder", Tensor()); }),
      "[write] " + folder / "no/such/folder" + " cannot be written: No such file or directory");
}

TEST_F(NpyFiles, hold_no_placeholders) {
  EXPECT_EQ(error_of([&] {
              save_npy(folder / "a.npy", make_symbolic({f32, {3}}));
            }),
            "[save_npy] this f32(3,) is computed from a placeholder: it has numbers once the graph "
            "runs");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.npy"));
}

// Every prefix of a file, and every file with one byte changed, is read or refused.
TEST_F(NpyFiles, survive_any_damage) {
  const std::string good = npy(described(">f4", "(2, 3)", "True"), std::string(24, 'x'));
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_NE(refusal(good.substr(0, n)), "nothing was thrown") << n;
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char c : {'9', '\'', '\xFF'}) {
      std::string bad = good;
      bad[i] = c;
      refusal(bad);
    }
  }
}

#if CHAINRULE_TEST_LIBZIP

using Named = std::vector<std::pair<std::string, Tensor>>;

class NpzFiles : public NpyFiles {
 protected:
  std::string npz_refusal(const std::string& file) const {
    const std::string path = folder.write("a.npz", file);
    const std::string line = error_of([&] { load_npz(path); });
    const std::string head = "[load_npz] " + path + ": ";
    return line.starts_with(head) ? line.substr(head.size()) : line;
  }
  // By Python's zipfile, deflated: w.npy = f4 [1.5, −2], layer/b.npy = i8 −7.
  const std::string by_python = test::from_hex(
      "504b030414000000080083182250d6434b054b0000008800000005000000772e6e70799bec17ea1b10c9c850c650"
      "ad9e925a9c5ca46ea5a06e9366a2aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402f91a"
      "463a9a3a0ab50a14002e068603f60c400200504b030414000000080083182250c8b83ce446000000880000000b00"
      "00006c617965722f622e6e70799bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9369a1aea3a09e965f5452"
      "9498179f5f94920a12774bcc294e058a17672416a402f91a9a3a0ab50a1401ae9fff210000504b01021403140000"
      "00080083182250d6434b054b00000088000000050000000000000000000000800100000000772e6e7079504b0102"
      "140314000000080083182250c8b83ce446000000880000000b000000000000000000000080016e0000006c617965"
      "722f622e6e7079504b050600000000020002006c000000dd0000000000");
};

TEST_F(NpzFiles, of_another_writer_are_read) {
  const Named arrays = load_npz(folder.write("py.npz", by_python));
  ASSERT_EQ(arrays.size(), 2U);
  EXPECT_EQ(arrays[0].first, "w");
  EXPECT_EQ(arrays[0].second.type(), (TensorType{f32, {2}}));
  EXPECT_EQ(arrays[0].second.values(), (std::vector<double>{1.5, -2}));
  EXPECT_EQ(arrays[1].first, "layer/b");
  EXPECT_EQ(arrays[1].second.type(), (TensorType{f64, {}}));
  EXPECT_EQ(arrays[1].second.values(), (std::vector<double>{-7}));
}

TEST_F(NpzFiles, give_back_what_was_saved) {
  const Tensor t = arange(100'000);
  const Named arrays = {{"weights", t},
                        {"β", make_view(t, {2, 2}, {1, 2})},
                        {"empty", Tensor()},
                        {"single", full({}, 3, f32)}};
  save_npz(folder / "a.npz", arrays);
  const Named back = load_npz(folder / "a.npz");
  ASSERT_EQ(back.size(), arrays.size());
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    EXPECT_EQ(back[i].first, arrays[i].first);
    EXPECT_EQ(back[i].second.type(), arrays[i].second.type());
    EXPECT_EQ(back[i].second.values(), arrays[i].second.values());
  }
  save_npz(folder / "b.npz", arrays);
  EXPECT_EQ(contents(folder / "a.npz"), contents(folder / "b.npz"))
      << "the same bytes whenever it is run";
  save_npz(folder / "c.npz", {});
  EXPECT_TRUE(load_npz(folder / "c.npz").empty());
}

// A local header, the stored .npy file, the directory, its end (APPNOTE.TXT 4.3).
TEST_F(NpzFiles, are_plain_zip_archives) {
  save_npz(folder / "a.npz", Named{{"x", full({1}, 2.0)}});
  const std::string file = contents(folder / "a.npz");
  EXPECT_EQ(file.substr(0, 4), "PK\3\4");
  EXPECT_EQ(file.substr(8, 2), std::string(2, '\0')) << "stored";
  EXPECT_EQ(file.substr(30, 5), "x.npy");
  save_npy(folder / "x.npy", full({1}, 2.0));
  EXPECT_NE(file.find(contents(folder / "x.npy")), std::string::npos);
}

TEST_F(NpzFiles, with_bad_names_are_not_written) {
  const std::string path = folder / "a.npz";
  EXPECT_EQ(error_of([&] {
              save_npz(path, Named{{"x", Tensor()}, {"x", Tensor()}});
            }),
            "[save_npz] " + path + ": two arrays are called 'x'");
  EXPECT_EQ(error_of([&] {
              save_npz(path, Named{{"", Tensor()}});
            }),
            "[save_npz] " + path + ": an array has no name that can be written: ''");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(NpzFiles, that_are_broken_say_where) {
  EXPECT_EQ(npz_refusal("no archive").substr(0, 14), "no zip archive");
  EXPECT_EQ(npz_refusal(by_python.substr(0, 200)).substr(0, 14), "no zip archive");
  std::string renamed = by_python;
  for (std::size_t at = 0; (at = renamed.find("w.npy", at)) != std::string::npos;) {
    renamed.replace(at, 5, "w.txt");
  }
  EXPECT_EQ(npz_refusal(renamed), "the entry 'w.txt' is no array: the names of arrays end in .npy");
  std::string damaged = by_python;
  damaged[60] = static_cast<char>(damaged[60] ^ 1);
  EXPECT_NE(npz_refusal(damaged).find("the entry 'w.npy'"), std::string::npos)
      << npz_refusal(damaged);
}

TEST_F(NpzFiles, whose_sums_do_not_agree_are_refused) {
  save_npz(folder / "a.npz", Named{{"x", full({1}, 2.0)}});
  std::string file = contents(folder / "a.npz");
  const std::size_t at = file.find(kTwo);
  ASSERT_NE(at, std::string::npos);
  file[at] = 1;
  EXPECT_EQ(npz_refusal(file), "the entry 'x.npy' cannot be read: CRC error");
}

TEST_F(NpzFiles, that_claim_too_much_take_no_memory) {
  // The uncompressed size of the first entry, in its own header (byte 22) and in the directory.
  std::string file = by_python;
  const std::size_t directory = file.find("PK\1\2");
  for (const std::size_t at : {std::size_t{22}, directory + 24})
    file.replace(at, 4, "\xF0\xF0\xF0\x70");
  EXPECT_EQ(
      npz_refusal(file),
      "the entry 'w.npy' has 1894838512 bytes by the archive's word, but only 75 stand in it");
}

TEST_F(NpzFiles, survive_any_damage) {
  for (std::size_t n = 0; n < by_python.size(); ++n) npz_refusal(by_python.substr(0, n));
  for (std::size_t i = 0; i < by_python.size(); ++i) {
    for (const char c : {'\0', '\xFF'}) {
      std::string bad = by_python;
      bad[i] = c;
      npz_refusal(bad);
    }
  }
}

#else

TEST_F(NpyFiles, in_archives_need_libzip) {
  EXPECT_EQ(error_of([&] { load_npz("a.npz"); }),
            "[load_npz] a.npz: this build of chainrule has no libzip, which .npz files need");
  EXPECT_EQ(error_of([&] { save_npz("a.npz", {}); }),
            "[save_npz] a.npz: this build of chainrule has no libzip, which .npz files need");
}

#endif

}  // namespace
}  // namespace chainrule
