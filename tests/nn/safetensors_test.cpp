// safetensors: bytes of the reference implementation's tests, and every way to break a file.
#include "chainrule/nn/safetensors.hpp"

#include "chainrule/tensor/body_internal.hpp"
#include "tests/support/scratch.hpp"

namespace chainrule::nn {
namespace {

using test::contents;
using test::error_of;
using test::Scratch;
using Named = std::vector<std::pair<std::string, Tensor>>;

std::string file_of(const std::string& header, const std::string& data) {
  std::string file;
  for (int k = 0; k < 8; ++k) file += static_cast<char>(header.size() >> (8 * k) & 0xFF);
  return file + header + data;
}
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

class SafeTensors : public ::testing::Test {
 protected:
  SavedTensors loaded(const std::string& file) const {
    return load_tensors(folder.write("a.safetensors", file));
  }
  std::string refusal(const std::string& file) const {
    const std::string path = folder.write("a.safetensors", file);
    const std::string line = error_of([&] { load_tensors(path); });
    const std::string head = "[load_tensors] " + path + ": ";
    return line.starts_with(head) ? line.substr(head.size()) : line;
  }
  // Of a header with the tensor x, and `bytes` bytes of data.
  std::string refusal_of(const std::string& x, std::size_t bytes) const {
    return refusal(file_of(R"({"x":)" + x + "}", std::string(bytes, '\0')));
  }
  std::string saved(const Named& tensors,
                    const std::vector<std::pair<std::string, std::string>>& metadata = {}) const {
    save_tensors(folder / "s.safetensors", tensors, metadata);
    return contents(folder / "s.safetensors");
  }
  Scratch folder;
};

// safetensors/src/tensor.rs, test_serialization, test_forced_alignment, test_empty.
TEST_F(SafeTensors, are_written_byte_for_byte_as_by_the_reference) {
  const Tensor t = converted(make_view(arange(6), {1, 2, 3}, {6, 3, 1}), f32);
  const std::string numbers = test::from_hex("000000000000803f0000004000004040000080400000a040");
  EXPECT_EQ(saved({{"attn.0", t}}),
            std::string("\x40\0\0\0\0\0\0\0", 8) +
                R"({"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}})" + numbers);
  EXPECT_EQ(saved({{"attn0", t}}),
            std::string("\x40\0\0\0\0\0\0\0", 8) +
                R"({"attn0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}} )" + numbers);
  EXPECT_EQ(saved({}), std::string("\x08\0\0\0\0\0\0\0", 8) + "{}      ");
  EXPECT_EQ(saved({}, {{"framework", "pt"}}),
            std::string("\x28\0\0\0\0\0\0\0", 8) + R"({"__metadata__":{"framework":"pt"}}     )");
}

TEST_F(SafeTensors, are_written_wide_elements_first_then_by_name) {
  const std::string file =
      saved({{"b", full({1}, 1.0, f32)}, {"a", full({}, 2.0, f32)}, {"c", full({2}, 3.0)}});
  EXPECT_EQ(file.substr(8, file.find('}', file.find("\"b\"")) + 2 - 8),
            R"({"c":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},)"
            R"("a":{"dtype":"F32","shape":[],"data_offsets":[16,20]},)"
            R"("b":{"dtype":"F32","shape":[1],"data_offsets":[20,24]}})");
}

TEST_F(SafeTensors, give_back_what_was_saved) {
  const Tensor t = arange(24);
  const Named tensors = {{"layer1.weight", converted(t, f32)},
                         {"layer1.bias", make_view(t, {3, 2}, {1, 12})},
                         {"überall \"quoted\" \\ \n", full({}, 0.1)},
                         {"", Tensor()},
                         {"none", zeros({3, 0, 2}, f32)}};
  const std::vector<std::pair<std::string, std::string>> metadata = {
      {"epoch", "12"}, {"activation", "tanh"}, {"empty", ""}};
  save_tensors(folder / "s", tensors, metadata);
  const SavedTensors back = load_tensors(folder / "s");
  EXPECT_EQ(back.metadata, metadata);
  ASSERT_EQ(back.tensors.size(), tensors.size());
  for (const auto& one : tensors) {
    const auto found = std::find_if(back.tensors.begin(), back.tensors.end(),
                                    [&](const auto& other) { return other.first == one.first; });
    ASSERT_NE(found, back.tensors.end()) << one.first;
    EXPECT_EQ(found->second.type(), one.second.type()) << one.first;
    EXPECT_EQ(found->second.values(), one.second.values()) << one.first;
  }
}

TEST_F(SafeTensors, of_every_dtype_are_read) {
  struct Case {
    const char* dtype;
    const char* hex;
    double value;
    Precision element;
  };
  for (const Case& c : {
           Case{"F64", "000000000000e0bf", -0.5, f64},
           Case{"F32", "0000c03f", 1.5, f32},
           Case{"F16", "00c1", -2.5, f32},
           Case{"F16", "0100", 0x1p-24, f32},
           Case{"BF16", "c03f", 1.5, f32},
           Case{"BF16", "2041", 10, f32},
           Case{"I64", "f9ffffffffffffff", -7, f64},
           Case{"U8", "c8", 200, f64},
           Case{"BOOL", "01", 1, f64},
       }) {
    const std::string data = test::from_hex(c.hex);
    const SavedTensors all = loaded(file_of(
        R"({"x":)" + entry(c.dtype, "[1]", "[0," + std::to_string(data.size()) + "]") + "}", data));
    ASSERT_EQ(all.tensors.size(), 1U);
    EXPECT_EQ(all.tensors[0].second.type(), (TensorType{c.element, {1}})) << c.dtype;
    EXPECT_EQ(all.tensors[0].second.values(), std::vector<double>{c.value}) << c.dtype;
  }
}

TEST_F(SafeTensors, may_stand_in_another_order_than_their_entries) {
  const SavedTensors all = loaded(file_of(R"({ "second" : )" + entry("U8", "[2]", "[1,3]") +
                                              R"(, "__metadata__": {"a": "b"}, "first": )" +
                                              entry("U8", "[]", "[0,1]") + "}  \n",
                                          "\x01\x02\x03"));
  ASSERT_EQ(all.tensors.size(), 2U);
  EXPECT_EQ(all.tensors[0].first, "second");
  EXPECT_EQ(all.tensors[0].second.values(), (std::vector<double>{2, 3}));
  EXPECT_EQ(all.tensors[1].first, "first");
  EXPECT_EQ(all.tensors[1].second.values(), (std::vector<double>{1}));
  EXPECT_EQ(all.metadata, (std::vector<std::pair<std::string, std::string>>{{"a", "b"}}));
}

TEST_F(SafeTensors, whose_length_is_wrong_are_refused) {
  EXPECT_EQ(refusal(""), "it has 0 bytes and is no safetensors file");
  EXPECT_EQ(refusal("1234567"), "it has 7 bytes and is no safetensors file");
  EXPECT_EQ(refusal(std::string(8, '\xFF') + "{}"),
            "the header has 18446744073709551615 bytes, but 2 are left");
  EXPECT_EQ(refusal(file_of("{}", "").substr(0, 9)), "the header has 2 bytes, but 1 are left");
  EXPECT_EQ(refusal(std::string(8, '\0')).substr(0, 24), "byte 1 of the header: sy");
  // 100,000,001 bytes, in a file that has them but for the disk.
  const std::string path = folder.write("long", std::string("\x01\xE1\xF5\x05\0\0\0\0", 8));
  std::filesystem::resize_file(path, 100'000'009);
  EXPECT_EQ(
      error_of([&] { load_tensors(path); }),
      "[load_tensors] " + path + ": the header has 100000001 bytes, but 100000000 are allowed");
}

TEST_F(SafeTensors, whose_header_is_no_json_say_where) {
  EXPECT_EQ(refusal(file_of(R"({"x":)", "")).substr(0, 36), "byte 6 of the header: syntax error w");
  EXPECT_EQ(refusal(file_of("{} x", "")).substr(0, 21), "byte 4 of the header:");
  EXPECT_EQ(refusal(file_of("{\"\xFF\":1}", "")).substr(0, 21), "byte 3 of the header:");
  EXPECT_EQ(refusal(file_of("[]", "")), "the header: expected an object, found a list");
  EXPECT_EQ(refusal(file_of("7", "")), "the header: expected an object, found 7");
  EXPECT_EQ(refusal(file_of(std::string(100'000, '['), "")),
            "the header: expected an object, found a list");
}

TEST_F(SafeTensors, whose_entries_are_wrong_are_refused_by_name) {
  const std::string of_x = "the tensor 'x': ";
  EXPECT_EQ(refusal_of("3", 0), of_x + "expected an object, found 3");
  EXPECT_EQ(refusal_of("{}", 0), of_x + "there is no dtype");
  EXPECT_EQ(refusal_of(R"({"dtype":"F32","data_offsets":[0,4]})", 4), of_x + "there is no shape");
  EXPECT_EQ(refusal_of(R"({"dtype":"F32","shape":[1]})", 4), of_x + "there are no data_offsets");
  EXPECT_EQ(refusal_of(R"({"dtype":"F32","dtype":"F32"})", 4),
            of_x + "the key 'dtype' occurs twice");
  EXPECT_EQ(refusal_of(R"({"colour":"F32"})", 4), of_x + "the key 'colour' is unknown");
  EXPECT_EQ(refusal_of(R"({"dtype":32})", 4),
            of_x + "expected a dtype in quotation marks, found 32");
  EXPECT_EQ(refusal_of(R"({"shape":"1,"})", 4), of_x + "expected a list of sizes, found '1,'");
  EXPECT_EQ(refusal_of(R"({"shape":[-1]})", 4), of_x + "expected the size of an axis, found -1");
  EXPECT_EQ(refusal_of(R"({"shape":[1.5]})", 4), of_x + "expected the size of an axis, found 1.5");
  EXPECT_EQ(refusal_of(R"({"shape":[[1]]})", 4),
            of_x + "expected the size of an axis, found a list");
  EXPECT_EQ(refusal_of(R"({"shape":[18446744073709551615]})", 4),
            of_x + "the number 18446744073709551615 is too large");
  EXPECT_EQ(refusal_of(R"({"data_offsets":[0]})", 4), of_x + "there are 1 data_offsets, not 2");
  EXPECT_EQ(refusal_of(R"({"data_offsets":[0,null]})", 4), of_x + "expected an offset, found null");
  EXPECT_EQ(refusal_of(entry("F7", "[1]", "[0,4]"), 4), of_x + "the dtype 'F7' cannot be read");
  EXPECT_EQ(refusal_of(entry("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4),
            of_x + "it has more than 8 axes, or more elements than memory has bytes");
  EXPECT_EQ(refusal_of(entry("F32", "[4294967296,4294967296]", "[0,4]"), 4),
            of_x + "it has more than 8 axes, or more elements than memory has bytes");
  const std::string x = entry("U8", "[0]", "[0,0]");
  EXPECT_EQ(refusal(file_of(R"({"x":)" + x + R"(,"x":)" + x + "}", "")),
            "the header has 'x' twice");
  EXPECT_EQ(refusal(file_of(R"({"__metadata__":{},"__metadata__":{}})", "")),
            "the header has '__metadata__' twice");
  EXPECT_EQ(refusal(file_of(R"({"__metadata__":{"a":1}})", "")),
            "the metadata: expected a text, found 1");
  EXPECT_EQ(refusal(file_of(R"({"__metadata__":{"a":"1","a":"2"}})", "")),
            "the metadata: the key 'a' occurs twice");
  EXPECT_EQ(refusal(file_of(R"({"__metadata__":[]})", "")),
            "the metadata: expected an object, found a list");
}

TEST_F(SafeTensors, whose_offsets_are_wrong_are_refused) {
  EXPECT_EQ(refusal_of(entry("F32", "[2]", "[0,4]"), 4),
            "the tensor 'x': the offsets 0 to 4 do not hold the shape (2,) of F32, 8 bytes");
  EXPECT_EQ(refusal_of(entry("F32", "[1]", "[4,0]"), 4),
            "the tensor 'x': the offsets 4 to 0 do not hold the shape (1,) of F32, 4 bytes");
  EXPECT_EQ(refusal_of(entry("F32", "[1]", "[0,4]"), 3),
            "the tensor 'x' ends at byte 4 of the data, of which 3 are there");
  EXPECT_EQ(refusal_of(entry("F32", "[1]", "[0,4]"), 5),
            "the tensors end at byte 4 of the data, of which 5 are there");
  EXPECT_EQ(refusal_of(entry("F32", "[1]", "[4,8]"), 8),
            "the tensor 'x' begins at byte 4 of the data, behind a gap after 0");
  const auto both = [&](const std::string& y) {
    return refusal(file_of(R"({"x":)" + entry("U8", "[4]", "[0,4]") + R"(,"y":)" + y + "}",
                           std::string(8, '\0')));
  };
  EXPECT_EQ(
      both(entry("U8", "[5]", "[3,8]")),
      "the tensor 'y' begins at byte 3 of the data, inside of the one before, which ends at 4");
  EXPECT_EQ(both(entry("U8", "[3]", "[5,8]")),
            "the tensor 'y' begins at byte 5 of the data, behind a gap after 4");
  EXPECT_EQ(refusal_of(entry("F64", "[1000000000000]", "[0,8000000000000]"), 8),
            "the tensor 'x' ends at byte 8000000000000 of the data, of which 8 are there");
}

TEST_F(SafeTensors, with_bad_names_are_not_written) {
  const std::string path = folder / "s";
  const auto refused = [&](const Named& tensors,
                           const std::vector<std::pair<std::string, std::string>>& metadata) {
    const std::string line = error_of([&] { save_tensors(path, tensors, metadata); });
    const std::string head = "[save_tensors] " + path + ": ";
    return line.starts_with(head) ? line.substr(head.size()) : line;
  };
  EXPECT_EQ(refused({{"x", Tensor()}, {"x", Tensor()}}, {}), "the name 'x' occurs twice");
  EXPECT_EQ(refused({}, {{"k", "1"}, {"k", "2"}}), "the name 'k' occurs twice");
  EXPECT_EQ(refused({{"__metadata__", Tensor()}}, {}), "a tensor cannot be called '__metadata__'");
  EXPECT_EQ(refused({{"\xFF", Tensor()}}, {}), "the text '?' is no UTF-8");
  EXPECT_FALSE(std::filesystem::exists(path));
}

// Every prefix of a file is refused; with one byte changed it is read or refused.
TEST_F(SafeTensors, survive_any_damage) {
  const std::string good = saved({{"a", full({2}, 1.0, f32)}, {"b", full({}, 2.0)}}, {{"k", "v"}});
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_NE(refusal(good.substr(0, n)), "nothing was thrown") << n;
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char c : {'9', '"', '\xFF'}) {
      std::string bad = good;
      bad[i] = c;
      refusal(bad);
    }
  }
}

// A header of many entries is read in linear time: 300,000 of them, 20 MB.
TEST_F(SafeTensors, may_be_many) {
  std::string header = "{";
  for (int i = 0; i < 300'000; ++i) {
    header += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":" + entry("U8", "[0]", "[0,0]");
  }
  EXPECT_EQ(loaded(file_of(header + "}", "")).tensors.size(), 300'000U);
}

}  // namespace
}  // namespace chainrule::nn
