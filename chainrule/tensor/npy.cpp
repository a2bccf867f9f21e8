#include "chainrule/tensor/npy.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "chainrule/base/text.hpp"
#include "chainrule/base/whole_file.hpp"
#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/elements_internal.hpp"
#include "chainrule/tensor/npy_internal.hpp"

namespace chainrule {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::uint64_t kLongestHeader = std::uint64_t{1} << 20;

struct ArrayType {
  FileElement element = FileElement::f8;
  std::endian order = std::endian::little;
  bool is_fortran = false;  ///< the first axis is the fastest
  Shape shape;
};

std::optional<FileElement> element_called(std::string_view name) {
  constexpr std::pair<std::string_view, FileElement> kNames[] = {
      {"b1", FileElement::b1}, {"u1", FileElement::u1}, {"u2", FileElement::u2},
      {"u4", FileElement::u4}, {"u8", FileElement::u8}, {"i1", FileElement::i1},
      {"i2", FileElement::i2}, {"i4", FileElement::i4}, {"i8", FileElement::i8},
      {"f2", FileElement::f2}, {"f4", FileElement::f4}, {"f8", FileElement::f8}};
  for (const auto& [known, element] : kNames) {
    if (known == name) return element;
  }
  return std::nullopt;
}

// The header: a Python dictionary of three keys, {'descr': '<f8', 'fortran_order': False, 'shape':
// (3, 4), }.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, std::string_view where, const std::string& name)
      : text_(text), where_(where), name_(name) {}

  ArrayType read() {
    expect('{');
    while (!accept('}')) {
      read_entry();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (at_ < text_.size()) refuse("the end of the header");
    if (!has_element_) fail_file("the header has no key 'descr'");
    if (!has_order_) fail_file("the header has no key 'fortran_order'");
    if (!has_shape_) fail_file("the header has no key 'shape'");
    return type_;
  }

 private:
  [[noreturn]] void fail_file(const std::string& facts) const {
    fail(where_, name_ + ": " + facts);
  }
  [[noreturn]] void refuse(const std::string& expected) const {
    const std::string_view found = text_.substr(at_, 20);
    fail_file("byte " + std::to_string(at_) + " of the header: expected " + expected + ", found " +
              (found.empty() ? "its end" : in_quotes(found)));
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse(std::string("'") + c + "'");
  }
  bool accept_word(std::string_view word) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  std::string_view read_string(const std::string& expected) {
    skip_blanks();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) refuse(expected);
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) refuse("a string that ends");
    const std::string_view found = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return found;
  }

  void read_entry() {
    const std::string_view key = read_string("a key");
    bool* const seen = key == "descr"           ? &has_element_
                       : key == "fortran_order" ? &has_order_
                       : key == "shape"         ? &has_shape_
                                                : nullptr;
    if (seen == nullptr) fail_file("the header has the unknown key " + in_quotes(key));
    if (std::exchange(*seen, true))
      fail_file("the header has the key " + in_quotes(key) + " twice");
    expect(':');
    if (seen == &has_element_) read_element();
    if (seen == &has_order_) read_order();
    if (seen == &has_shape_) read_shape();
  }

  void read_element() {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '[') {
      fail_file("the elements are records: arrays of numbers can be read");
    }
    const std::string_view descr = read_string("the type of the elements");
    const char order = descr.empty() ? '?' : descr[0];
    const auto element = element_called(descr.substr(std::min<std::size_t>(1, descr.size())));
    if (!element || (order != '<' && order != '>' && order != '|' && order != '=')) {
      fail_file("the elements are " + in_quotes(descr) +
                ": b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4 and f8 can be read");
    }
    type_.element = *element;
    type_.order = order == '>'   ? std::endian::big
                  : order == '<' ? std::endian::little
                                 : std::endian::native;
  }

  void read_order() {
    if (accept_word("True")) {
      type_.is_fortran = true;
    } else if (!accept_word("False")) {
      refuse("True or False");
    }
  }

  void read_shape() {
    expect('(');
    std::vector<std::int64_t> sizes;
    while (!accept(')')) {
      skip_blanks();
      std::int64_t size = -1;
      const auto [end, error] =
          std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      if (error == std::errc::result_out_of_range) fail_file("the shape has too large a size");
      if (error != std::errc() || size < 0) refuse("the size of an axis");
      at_ = static_cast<std::size_t>(end - text_.data());
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // as Python 2 wrote it
      sizes.push_back(size);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    const std::optional<Shape> shape = claimed_shape(sizes);
    if (!shape) {
      fail_file("the array has more than " + std::to_string(Shape::kMostAxes) +
                " axes, or more elements than memory has bytes");
    }
    type_.shape = *shape;
  }

  std::string_view text_;
  std::string_view where_;
  const std::string& name_;
  std::size_t at_ = 0;
  ArrayType type_;
  bool has_element_ = false, has_order_ = false, has_shape_ = false;
};

// Elements that stand the first axis fastest, as those of the same array in the usual order.
Tensor from_fortran(const Tensor& t, const Shape& shape) {
  detail::Strides strides = {};
  std::int64_t step = 1;
  for (std::size_t k = 0; k < shape.rank(); ++k) {
    strides[k] = step;
    step *= shape[k];
  }
  return dense(make_view(t, shape, strides));
}

}  // namespace

Tensor read_npy(ByteSource& source, std::string_view where, const std::string& name) {
  const auto refuse = [&](const std::string& facts) { fail(where, name + ": " + facts); };
  const std::uint64_t size = source.left();
  unsigned char start[12] = {};
  if (size < 10) refuse("it has " + std::to_string(size) + " bytes and is no .npy file");
  source.read(start, 10);
  if (!std::equal(kMagic.begin(), kMagic.end(), reinterpret_cast<const char*>(start))) {
    refuse("it does not begin as a .npy file does");
  }
  const unsigned major = start[6], minor = start[7];
  if (major < 1 || major > 3 || minor != 0) {
    refuse("it has the format " + std::to_string(major) + "." + std::to_string(minor) +
           ": 1.0, 2.0 and 3.0 can be read");
  }
  std::uint64_t length = start[8] | std::uint64_t{start[9]} << 8;
  if (major > 1) {
    if (source.left() < 2) refuse("it ends before its header");
    source.read(start + 10, 2);
    length |= std::uint64_t{start[10]} << 16 | std::uint64_t{start[11]} << 24;
  }
  if (length > source.left()) {
    refuse("the header has " + std::to_string(length) + " bytes, but " +
           std::to_string(source.left()) + " are left");
  }
  if (length > kLongestHeader) refuse("the header has " + std::to_string(length) + " bytes");
  std::string header(length, '\0');
  source.read(header.data(), header.size());
  const ArrayType type = HeaderReader(header, where, name).read();

  const std::uint64_t expected =
      static_cast<std::uint64_t>(type.shape.size()) * bytes_of(type.element);
  if (expected != source.left()) {
    refuse("the shape " + to_string(type.shape) + " takes " + std::to_string(expected) +
           " bytes, but there are " + std::to_string(source.left()));
  }
  Shape in_memory = type.shape;
  if (type.is_fortran) {
    for (std::size_t k = 0; k < in_memory.rank(); ++k)
      in_memory[k] = type.shape[in_memory.rank() - 1 - k];
  }
  const Tensor t =
      read_elements(source, type.element, type.order, in_memory, precision_for(type.element));
  return type.is_fortran ? from_fortran(t, type.shape) : t;
}

std::string npy_header(const TensorType& type) {
  constexpr std::size_t kAlignment = 64;
  constexpr char kOrder = std::endian::native == std::endian::little ? '<' : '>';
  std::string shape;
  for (const std::int64_t size : type.shape) {
    shape += (shape.empty() ? "" : ", ") + std::to_string(size);
  }
  if (type.shape.rank() == 1) shape += ',';
  std::string text = std::string("{'descr': '") + kOrder + (type.element == f32 ? "f4" : "f8") +
                     "', 'fortran_order': False, 'shape': (" + shape + "), }";
  const std::size_t before = kMagic.size() + 4;
  const std::size_t whole = (before + text.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  text.append(whole - before - text.size() - 1, ' ');
  text += '\n';
  std::string header(kMagic);
  header += '\1';
  header += '\0';
  header += static_cast<char>(text.size() & 0xFF);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

Tensor load_npy(const std::string& path) {
  InputFile file(path);
  return read_npy(file, "load_npy", path);
}

void save_npy(const std::string& path, const Tensor& t) {
  TensorAccess::require_numbers(t, "save_npy");
  const Tensor plain = dense(t);
  WholeFile file(path);
  file.write(npy_header(plain.type()));
  file.write({reinterpret_cast<const char*>(TensorAccess::body(plain).data),
              static_cast<std::size_t>(plain.size()) * bytes_of(plain.element())});
  file.commit();
}

}  // namespace chainrule
