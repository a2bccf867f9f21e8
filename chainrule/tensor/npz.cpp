#include <string>
#include <unordered_set>

#include "chainrule/base/text.hpp"
#include "chainrule/base/whole_file.hpp"
#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/npy.hpp"
#include "chainrule/tensor/npy_internal.hpp"

#if CHAINRULE_WITH_LIBZIP
#include <zip.h>

#include <memory>
#endif

namespace chainrule {

#if CHAINRULE_WITH_LIBZIP

namespace {

constexpr std::string_view kEnding = ".npy";

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
struct FreeSource {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, CloseArchive>;
using Entry = std::unique_ptr<zip_file_t, CloseEntry>;
using Source = std::unique_ptr<zip_source_t, FreeSource>;

// What a code of libzip's means.
std::string reason_of(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

// ---- reading ----------------------------------------------------------------------------------

class EntryBytes : public ByteSource {
 public:
  EntryBytes(Entry entry, std::uint64_t size, std::string name)
      : entry_(std::move(entry)), left_(size), name_(std::move(name)) {}

  std::uint64_t left() const override { return left_; }

  void read(void* into, std::size_t bytes) override {
    char* to = static_cast<char*>(into);
    while (bytes > 0) {
      const zip_int64_t got = bytes > left_ ? 0 : zip_fread(entry_.get(), to, bytes);
      if (got <= 0) refuse(got == 0 ? "it ends too early" : reason());
      to += got;
      bytes -= static_cast<std::size_t>(got);
      left_ -= static_cast<std::uint64_t>(got);
    }
  }

  /// At the end libzip compares the check sum.
  void finish() {
    char beyond = 0;
    const zip_int64_t got = zip_fread(entry_.get(), &beyond, 1);
    if (got != 0) refuse(got > 0 ? "it is longer than the archive says" : reason());
  }

 private:
  std::string reason() { return zip_error_strerror(zip_file_get_error(entry_.get())); }
  [[noreturn]] void refuse(const std::string& facts) const {
    fail("load_npz", name_ + " cannot be read: " + facts);
  }

  Entry entry_;
  std::uint64_t left_;
  std::string name_;
};

std::pair<std::string, Tensor> load_entry(zip_t* archive, zip_uint64_t index,
                                          const std::string& path) {
  zip_stat_t facts = {};
  if (zip_stat_index(archive, index, 0, &facts) != 0) fail("load_npz", path + ": a broken entry");
  const std::string name = facts.name;
  const std::string shown = path + ": the entry " + in_quotes(name);
  if (!name.ends_with(kEnding)) {
    fail("load_npz", shown + " is no array: the names of arrays end in .npy");
  }
  // Deflate makes at most 1032 bytes of one.
  constexpr std::uint64_t kMostOfOne = 1032;
  if ((facts.comp_method != ZIP_CM_STORE && facts.comp_method != ZIP_CM_DEFLATE) ||
      facts.encryption_method != ZIP_EM_NONE) {
    fail("load_npz", shown + " is encrypted, or compressed by another method than deflate");
  }
  if (facts.size / kMostOfOne > facts.comp_size) {
    fail("load_npz", shown + " has " + std::to_string(facts.size) +
                         " bytes by the archive's word, " + "but only " +
                         std::to_string(facts.comp_size) + " stand in it");
  }
  Entry entry(zip_fopen_index(archive, index, 0));
  if (entry == nullptr) {
    fail("load_npz", shown + " cannot be read: " + zip_error_strerror(zip_get_error(archive)));
  }
  EntryBytes bytes(std::move(entry), facts.size, shown);
  Tensor t = read_npy(bytes, "load_npz", shown);
  bytes.finish();
  return {name.substr(0, name.size() - kEnding.size()), std::move(t)};
}

// ---- writing ----------------------------------------------------------------------------------

[[noreturn]] void fail_writing(const std::string& path, zip_error_t* error) {
  fail("save_npz", path + " cannot be written: " + zip_error_strerror(error));
}

void add_entry(zip_t* archive, const std::string& path, const std::string& name,
               const std::string& header, const Tensor& t) {
  // The archive reads these when it is closed; they are not copied.
  zip_buffer_fragment_t parts[] = {
      {reinterpret_cast<zip_uint8_t*>(const_cast<char*>(header.data())), header.size()},
      {reinterpret_cast<zip_uint8_t*>(TensorAccess::body(t).data),
       static_cast<zip_uint64_t>(t.size()) * bytes_of(t.element())}};
  zip_source_t* source = zip_source_buffer_fragment(archive, parts, t.size() > 0 ? 2 : 1, 0);
  if (source == nullptr) fail_writing(path, zip_get_error(archive));
  const zip_int64_t index =
      zip_file_add(archive, (name + std::string(kEnding)).c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    fail_writing(path, zip_get_error(archive));
  }
  // 1 January 1980: the first date of a zip archive, and numpy's.
  constexpr zip_uint16_t kMidnight = 0, kFirstDay = 1 << 5 | 1;
  const auto at = static_cast<zip_uint64_t>(index);
  if (zip_set_file_compression(archive, at, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(archive, at, kMidnight, kFirstDay, 0) != 0) {
    fail_writing(path, zip_get_error(archive));
  }
}

void copy_to_file(zip_source_t* source, const std::string& path) {
  WholeFile file(path);
  if (zip_source_open(source) != 0) fail_writing(path, zip_source_error(source));
  std::string part(std::size_t{1} << 18, '\0');
  while (true) {
    const zip_int64_t got = zip_source_read(source, part.data(), part.size());
    if (got < 0) fail_writing(path, zip_source_error(source));
    if (got == 0) break;
    file.write({part.data(), static_cast<std::size_t>(got)});
  }
  zip_source_close(source);
  file.commit();
}

}  // namespace

std::vector<std::pair<std::string, Tensor>> load_npz(const std::string& path) {
  { const InputFile file(path); }  // libzip's reasons are vaguer than the system's
  int code = 0;
  const Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (archive == nullptr) fail("load_npz", path + ": no zip archive: " + reason_of(code));
  std::vector<std::pair<std::string, Tensor>> tensors;
  std::unordered_set<std::string> taken;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    tensors.push_back(load_entry(archive.get(), static_cast<zip_uint64_t>(i), path));
    const std::string& name = tensors.back().first;
    if (!taken.insert(name).second) {
      fail("load_npz", path + ": two arrays are called " + in_quotes(name));
    }
  }
  return tensors;
}

void save_npz(const std::string& path, std::span<const std::pair<std::string, Tensor>> tensors) {
  std::unordered_set<std::string> taken;
  std::vector<std::string> headers;
  std::vector<Tensor> plain;
  for (const auto& [name, t] : tensors) {
    if (name.empty() || name.find('\0') != std::string::npos) {
      fail("save_npz", path + ": an array has no name that can be written: " + in_quotes(name));
    }
    if (!taken.insert(name).second) {
      fail("save_npz", path + ": two arrays are called " + in_quotes(name));
    }
    TensorAccess::require_numbers(t, "save_npz");
    plain.push_back(dense(t));
    headers.push_back(npy_header(t.type()));
  }
  if (tensors.empty()) {  // libzip writes no archive without entries; numpy does: its end alone
    return write_whole_file(path, "PK\5\6" + std::string(18, '\0'));
  }
  zip_error_t error;
  zip_error_init(&error);
  const Source bytes(zip_source_buffer_create(nullptr, 0, 0, &error));
  if (bytes == nullptr) fail_writing(path, &error);
  zip_source_keep(bytes.get());  // for the archive, which gives it up when it is closed
  Archive archive(zip_open_from_source(bytes.get(), ZIP_TRUNCATE, &error));
  if (archive == nullptr) {
    zip_source_free(bytes.get());
    fail_writing(path, &error);
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    add_entry(archive.get(), path, tensors[i].first, headers[i], plain[i]);
  }
  if (zip_close(archive.get()) != 0) fail_writing(path, zip_get_error(archive.get()));
  archive.release();
  copy_to_file(bytes.get(), path);
}

#else

namespace {

[[noreturn]] void fail_without_libzip(std::string_view where, const std::string& path) {
  fail(where, path + ": this build of chainrule has no libzip, which .npz files need");
}

}  // namespace

std::vector<std::pair<std::string, Tensor>> load_npz(const std::string& path) {
  fail_without_libzip("load_npz", path);
}

void save_npz(const std::string& path, std::span<const std::pair<std::string, Tensor>>) {
  fail_without_libzip("save_npz", path);
}

#endif

}  // namespace chainrule
