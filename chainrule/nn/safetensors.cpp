#include "chainrule/nn/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "chainrule/base/input_file.hpp"
#include "chainrule/base/text.hpp"
#include "chainrule/base/whole_file.hpp"
#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/elements_internal.hpp"

namespace chainrule::nn {
namespace {

using nlohmann::json;

constexpr std::uint64_t kLongestHeader = 100'000'000;  // as in the reference implementation
constexpr std::string_view kMetadata = "__metadata__";

std::optional<FileElement> element_called(std::string_view dtype) {
  constexpr std::pair<std::string_view, FileElement> kNames[] = {
      {"F32", FileElement::f4}, {"F64", FileElement::f8},    {"F16", FileElement::f2},
      {"U8", FileElement::u1},  {"BF16", FileElement::bf16}, {"I8", FileElement::i1},
      {"U16", FileElement::u2}, {"I16", FileElement::i2},    {"U32", FileElement::u4},
      {"I32", FileElement::i4}, {"U64", FileElement::u8},    {"I64", FileElement::i8},
      {"BOOL", FileElement::b1}};
  for (const auto& [known, element] : kNames) {
    if (known == dtype) return element;
  }
  return std::nullopt;
}

// What the header says of a tensor.
struct Entry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

// ---- the header, event by event: no tree is built of what may be anything
// ------------------------

class HeaderReader : public nlohmann::json_sax<json> {
 public:
  explicit HeaderReader(const std::string& path) : path_(path) {}

  std::vector<Entry> entries;
  std::vector<std::pair<std::string, std::string>> metadata;

  bool null() override { return refuse_value("null"); }
  bool boolean(bool) override { return refuse_value("a truth"); }
  bool number_float(double, const std::string& text) override { return refuse_value(text); }
  bool number_integer(std::int64_t value) override { return refuse_value(std::to_string(value)); }
  bool binary(json::binary_t&) override { return refuse_value("bytes"); }

  bool number_unsigned(std::uint64_t value) override {
    if (place_ != Place::sizes && place_ != Place::offsets) {
      return refuse_value(std::to_string(value));
    }
    if (value > std::uint64_t{1} << 62)
      refuse("the number " + std::to_string(value) + " is too large");
    auto& list = place_ == Place::sizes ? entries.back().sizes : entries.back().offsets;
    list.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool string(std::string& text) override {
    if (place_ == Place::metadata_value) {
      metadata.back().second = text;
      place_ = Place::metadata;
    } else if (place_ == Place::dtype) {
      entries.back().dtype = text;
      place_ = Place::entry;
    } else {
      return refuse_value(in_quotes(text));
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::start) {
      place_ = Place::top;
    } else if (place_ == Place::top_value) {
      place_ = is_metadata_ ? Place::metadata : Place::entry;
    } else {
      return refuse_value("an object");
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::entry) {
      const Entry& entry = entries.back();
      if (!entry.has_dtype) refuse("there is no dtype");
      if (!entry.has_shape) refuse("there is no shape");
      if (!entry.has_offsets) refuse("there are no data_offsets");
    }
    place_ = Place::top;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::shape) {
      place_ = Place::sizes;
    } else if (place_ == Place::data_offsets) {
      place_ = Place::offsets;
    } else {
      return refuse_value("a list");
    }
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets && entries.back().offsets.size() != 2) {
      refuse("there are " + std::to_string(entries.back().offsets.size()) + " data_offsets, not 2");
    }
    place_ = Place::entry;
    return true;
  }

  bool key(std::string& text) override {
    if (place_ == Place::top) {
      if (!names_.insert(text).second) {
        fail("load_tensors", path_ + ": the header has " + in_quotes(text) + " twice");
      }
      is_metadata_ = text == kMetadata;
      if (!is_metadata_) entries.emplace_back().name = text;
      place_ = Place::top_value;
    } else if (place_ == Place::metadata) {
      if (!keys_.insert(text).second) refuse("the key " + in_quotes(text) + " occurs twice");
      metadata.emplace_back(text, "");
      place_ = Place::metadata_value;
    } else {
      read_field(text);
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error …"
    const std::string_view text = error.what();
    const std::size_t facts = text.find(": ");
    fail("load_tensors", path_ + ": byte " + std::to_string(position) + " of the header: " +
                             std::string(text.substr(facts == text.npos ? 0 : facts + 2)));
  }

 private:
  enum class Place {
    start,
    top,
    top_value,
    metadata,
    metadata_value,
    entry,
    dtype,
    shape,
    sizes,
    data_offsets,
    offsets
  };

  // The tensor, or the metadata, that is being read.
  [[noreturn]] void refuse(const std::string& facts) const {
    fail("load_tensors",
         path_ + ": " +
             (is_metadata_      ? "the metadata: "
              : entries.empty() ? "the header: "
                                : "the tensor " + in_quotes(entries.back().name) + ": ") +
             facts);
  }

  void read_field(const std::string& name) {
    Entry& entry = entries.back();
    bool& seen = name == "dtype"          ? entry.has_dtype
                 : name == "shape"        ? entry.has_shape
                 : name == "data_offsets" ? entry.has_offsets
                                          : unknown_;
    if (&seen == &unknown_) refuse("the key " + in_quotes(name) + " is unknown");
    if (std::exchange(seen, true)) refuse("the key " + in_quotes(name) + " occurs twice");
    place_ = &seen == &entry.has_dtype   ? Place::dtype
             : &seen == &entry.has_shape ? Place::shape
                                         : Place::data_offsets;
  }

  bool refuse_value(const std::string& found) const {
    const char* expected = "";
    switch (place_) {
      case Place::start:
      case Place::top:
      case Place::top_value: expected = "an object"; break;
      case Place::metadata:
      case Place::metadata_value: expected = "a text"; break;
      case Place::entry:
      case Place::dtype: expected = "a dtype in quotation marks"; break;
      case Place::shape: expected = "a list of sizes"; break;
      case Place::sizes: expected = "the size of an axis"; break;
      case Place::data_offsets: expected = "two offsets"; break;
      case Place::offsets: expected = "an offset"; break;
    }
    refuse(std::string("expected ") + expected + ", found " + found);
  }

  const std::string& path_;
  Place place_ = Place::start;
  bool is_metadata_ = false;
  bool unknown_ = false;
  std::unordered_set<std::string> names_, keys_;
};

// ---- what the entries must be, together ---------------------------------------------------------

struct Stored {
  FileElement element = FileElement::f4;
  Shape shape;
};

Stored stored(const Entry& entry, const std::string& path) {
  const auto refuse = [&](const std::string& facts) {
    fail("load_tensors", path + ": the tensor " + in_quotes(entry.name) + ": " + facts);
  };
  const std::optional<FileElement> element = element_called(entry.dtype);
  if (!element) refuse("the dtype " + in_quotes(entry.dtype) + " cannot be read");
  const std::optional<Shape> shape = claimed_shape(entry.sizes);
  if (!shape) {
    refuse("it has more than " + std::to_string(Shape::kMostAxes) +
           " axes, or more elements than memory has bytes");
  }
  const std::int64_t begin = entry.offsets[0], end = entry.offsets[1];
  const std::int64_t bytes = shape->size() * static_cast<std::int64_t>(bytes_of(*element));
  if (end < begin || end - begin != bytes) {
    refuse("the offsets " + std::to_string(begin) + " to " + std::to_string(end) +
           " do not hold the shape " + to_string(*shape) + " of " + entry.dtype + ", " +
           std::to_string(bytes) + " bytes");
  }
  return {*element, *shape};
}

// The entries in the order of their bytes; throws Error unless they cover `size` bytes without a
// gap.
std::vector<std::size_t> in_order(const std::vector<Entry>& entries, std::int64_t size,
                                  const std::string& path) {
  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return entries[a].offsets < entries[b].offsets;
  });
  std::int64_t at = 0;
  for (const std::size_t k : order) {
    const std::int64_t begin = entries[k].offsets[0], end = entries[k].offsets[1];
    const std::string tensor = path + ": the tensor " + in_quotes(entries[k].name);
    if (end > size) {
      fail("load_tensors", tensor + " ends at byte " + std::to_string(end) +
                               " of the data, of which " + std::to_string(size) + " are there");
    }
    if (begin != at) {
      fail("load_tensors",
           tensor + " begins at byte " + std::to_string(begin) + " of the data, " +
               (begin < at ? "inside of the one before, which ends at " : "behind a gap after ") +
               std::to_string(at));
    }
    at = end;
  }
  if (at != size) {
    fail("load_tensors", path + ": the tensors end at byte " + std::to_string(at) +
                             " of the data, of which " + std::to_string(size) + " are there");
  }
  return order;
}

// ---- writing ------------------------------------------------------------------------------------

std::string in_json(const std::string& text, const std::string& path) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    fail("save_tensors", path + ": the text " + in_quotes(text) + " is no UTF-8");
  }
}

template <class Named>
void require_distinct(std::span<const Named> all, const std::string& path) {
  std::unordered_set<std::string> taken;
  for (const auto& [name, value] : all) {
    if (!taken.insert(name).second) {
      fail("save_tensors", path + ": the name " + in_quotes(name) + " occurs twice");
    }
  }
}

std::string length_text(std::uint64_t length) {
  std::string bytes;
  for (int k = 0; k < 8; ++k) bytes += static_cast<char>(length >> (8 * k) & 0xFF);
  return bytes;
}

void write_elements(WholeFile& file, const Tensor& t) {
  const auto bytes = static_cast<std::size_t>(t.size()) * bytes_of(t.element());
  const char* const data = reinterpret_cast<const char*>(TensorAccess::body(t).data);
  if constexpr (std::endian::native == std::endian::little) {
    file.write({data, bytes});
  } else {
    std::string turned(data, bytes);
    for (std::size_t i = 0; i < bytes; i += bytes_of(t.element())) {
      std::reverse(turned.data() + i, turned.data() + i + bytes_of(t.element()));
    }
    file.write(turned);
  }
}

}  // namespace

SavedTensors load_tensors(const std::string& path) {
  InputFile file(path);
  if (file.left() < 8) {
    fail("load_tensors",
         path + ": it has " + std::to_string(file.left()) + " bytes and is no safetensors file");
  }
  std::array<unsigned char, 8> start = {};
  file.read(start.data(), start.size());
  std::uint64_t length = 0;
  for (std::size_t k = 0; k < 8; ++k) length |= std::uint64_t{start[k]} << (8 * k);
  const auto refuse_length = [&](std::uint64_t most, const char* are) {
    if (length <= most) return;
    fail("load_tensors", path + ": the header has " + std::to_string(length) + " bytes, but " +
                             std::to_string(most) + are);
  };
  refuse_length(file.left(), " are left");
  refuse_length(kLongestHeader, " are allowed");
  std::string header(length, '\0');
  file.read(header.data(), header.size());
  HeaderReader reader(path);
  json::sax_parse(header, &reader);

  std::vector<Stored> all;
  for (const Entry& entry : reader.entries) all.push_back(stored(entry, path));
  SavedTensors saved;
  saved.metadata = std::move(reader.metadata);
  saved.tensors.resize(all.size());
  for (const std::size_t k :
       in_order(reader.entries, static_cast<std::int64_t>(file.left()), path)) {
    saved.tensors[k] = {reader.entries[k].name,
                        read_elements(file, all[k].element, std::endian::little, all[k].shape,
                                      precision_for(all[k].element))};
  }
  return saved;
}

void save_tensors(const std::string& path, std::span<const std::pair<std::string, Tensor>> tensors,
                  std::span<const std::pair<std::string, std::string>> metadata) {
  require_distinct(tensors, path);
  require_distinct(metadata, path);
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const bool is_wide_a = tensors[a].second.element() == f64;
    const bool is_wide_b = tensors[b].second.element() == f64;
    return is_wide_a != is_wide_b ? is_wide_a : tensors[a].first < tensors[b].first;
  });

  std::string header;
  const auto begin_entry = [&](const std::string& name) {
    header += (header.empty() ? "{" : ",") + in_json(name, path) + ":{";
  };
  if (!metadata.empty()) {
    begin_entry(std::string(kMetadata));
    for (const auto& [key, value] : metadata) {
      if (header.back() != '{') header += ',';
      header += in_json(key, path) + ':' + in_json(value, path);
    }
    header += '}';
  }
  std::int64_t at = 0;
  for (const std::size_t k : order) {
    const auto& [name, t] = tensors[k];
    if (name == kMetadata) {
      fail("save_tensors", path + ": a tensor cannot be called " + in_quotes(name));
    }
    TensorAccess::require_numbers(t, "save_tensors");
    begin_entry(name);
    header += std::string("\"dtype\":\"") + (t.element() == f64 ? "F64" : "F32") + "\",\"shape\":[";
    for (std::size_t axis = 0; axis < t.rank(); ++axis) {
      header += (axis == 0 ? "" : ",") + std::to_string(t.shape()[axis]);
    }
    const std::int64_t end = at + t.size() * static_cast<std::int64_t>(bytes_of(t.element()));
    header += "],\"data_offsets\":[" + std::to_string(at) + ',' + std::to_string(end) + "]}";
    at = end;
  }
  header += header.empty() ? "{}" : "}";
  header.append((8 - header.size() % 8) % 8, ' ');  // the elements begin at a multiple of 8

  WholeFile file(path);
  file.write(length_text(header.size()));
  file.write(header);
  for (const std::size_t k : order) write_elements(file, dense(tensors[k].second));
  file.commit();
}

}  // namespace chainrule::nn
