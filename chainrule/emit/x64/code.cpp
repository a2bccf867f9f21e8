#include "chainrule/emit/x64/code_internal.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "chainrule/base/error.hpp"
#include "chainrule/emit/x64/frame_internal.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/tape/inner.hpp"

#if CHAINRULE_WITH_ASMJIT
#include "chainrule/emit/x64/generator_internal.hpp"
#endif

namespace chainrule::x64 {

void Code::FreeAligned::operator()(void* memory) const { std::free(memory); }

bool has_assembler() { return CHAINRULE_WITH_ASMJIT != 0; }

void Code::activate(std::byte* frame, std::size_t count) const {
  if (isa_ == Isa::avx2) {  // all masks lie side by side
    static_assert(Frame::active_mask(1) == Frame::active_mask(0) + 32);
    std::byte* const masks = frame + Frame::active_mask(0);
    std::memset(masks, 0xFF, count * mask_bytes_);
    std::memset(masks + count * mask_bytes_, 0, (rows() - count) * mask_bytes_);
    return;
  }
  std::uint16_t bits[4];
  for (std::size_t r = 0; r < 4; ++r) {
    const std::size_t here = std::min(count - std::min(count, r * lanes_), lanes_);
    bits[r] = static_cast<std::uint16_t>((1u << here) - 1);
  }
  std::memcpy(frame + Frame::active_bits(0), bits, sizeof bits);
}

bool Code::is_active(const std::byte* frame, std::size_t row) const {
  const std::size_t r = row / lanes_, i = row % lanes_;
  if (isa_ == Isa::avx512) {
    std::uint16_t bits;
    std::memcpy(&bits, frame + Frame::active_bits(r), sizeof bits);
    return (bits >> i & 1u) != 0;
  }
  return frame[Frame::active_mask(r) + mask_bytes_ * i] != std::byte{0};
}

bool Code::all_active(const std::byte* frame, std::size_t count) const {
  if (isa_ == Isa::avx512 && count == rows()) {
    std::uint16_t bits[4];
    std::memcpy(bits, frame + Frame::active_bits(0), sizeof bits);
    for (std::size_t r = 0; r < row_vectors_; ++r) {
      if (bits[r] != (1u << lanes_) - 1) return false;
    }
    return true;
  }
  for (std::size_t row = 0; row < count; ++row) {
    if (!is_active(frame, row)) return false;
  }
  return true;
}

#if CHAINRULE_WITH_ASMJIT

namespace {

// One for all kernels. The memory of code is mapped twice, once to be written and once to be run,
// so that no page is both.
asmjit::JitRuntime& runtime() {
  static asmjit::JitRuntime* const all = [] {
    asmjit::JitAllocator::CreateParams params{};
    params.options = asmjit::JitAllocatorOptions::kUseDualMapping;
    return new asmjit::JitRuntime(&params);
  }();
  return *all;
}

template <Isa isa, class Lane>
void run_block(const Block* block, const Lane* operands, Lane* results, std::byte* frame,
               std::size_t row_vectors) {
  static thread_local std::vector<double> scratch;
  const std::size_t inputs = block->inputs(), outputs = block->outputs();
  std::vector<double> numbers;
  numbers.swap(scratch);  // a block may run a kernel in turn
  if (numbers.size() < inputs + outputs) numbers.resize(inputs + outputs);
  double* const x = numbers.data();
  double* const z = x + inputs;
  constexpr std::size_t kVectorBytes = isa == Isa::avx512 ? 64 : 32;
  constexpr std::size_t lanes = kVectorBytes / sizeof(Lane);
  const std::size_t rows = lanes * row_vectors;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t k = 0; k < inputs; ++k) x[k] = operands[k * rows + row];
    try {
      const Inner apart(Inner::Sealed{});
      block->value({x, inputs}, {z, outputs});
    } catch (...) {  // the row is answered by the Function, which throws what there is to throw
      const std::size_t r = row / lanes, i = row % lanes;
      if constexpr (isa == Isa::avx512) {
        std::uint16_t bits;
        std::memcpy(&bits, frame + Frame::active_bits(r), sizeof bits);
        bits = static_cast<std::uint16_t>(bits & ~(1u << i));
        std::memcpy(frame + Frame::active_bits(r), &bits, sizeof bits);
      } else {
        std::memset(frame + Frame::active_mask(r) + sizeof(Lane) * i, 0, sizeof(Lane));
      }
    }
    for (std::size_t k = 0; k < outputs; ++k) results[k * rows + row] = static_cast<Lane>(z[k]);
  }
  scratch.swap(numbers);
}

template <Isa isa, class Lane>
const void* address_of_caller() {
  return reinterpret_cast<const void*>(&run_block<isa, Lane>);
}

}  // namespace

const void* block_caller(Isa isa, Precision precision) {
  const bool is_single = precision == Precision::f32;
  if (isa == Isa::avx512) {
    return is_single ? address_of_caller<Isa::avx512, float>()
                     : address_of_caller<Isa::avx512, double>();
  }
  return is_single ? address_of_caller<Isa::avx2, float>() : address_of_caller<Isa::avx2, double>();
}

Code::Code(const emit::Program& program, const CodeOptions& options)
    : isa_(options.isa),
      mask_bytes_(bytes_of(program.precision)),
      lanes_(static_cast<std::size_t>(x64::lanes(options.isa, program.precision))),
      row_vectors_(options.row_vectors) {
  asmjit::CodeHolder holder;
  holder.init(runtime().environment());
  asmjit::StringLogger logger;
  if (options.listing != nullptr) holder.setLogger(&logger);
  Generator generator(program, options, holder);
  generator.run();
  if (options.listing != nullptr) *options.listing = logger.data();
  frame_bytes_ = generator.frame_bytes();
  spill_bytes_ = generator.spill_bytes();
  code_bytes_ = holder.codeSize();

  may_drop_rows_ = std::ranges::any_of(program.code, [](const emit::Instr& instr) {
    return instr.act == emit::Act::guard || instr.act == emit::Act::block;
  });

  // AVX-512 broadcasts a number as it reads it; AVX2 does not, and has them as vectors.
  const std::size_t copies = isa_ == Isa::avx512 ? 1 : lanes_;
  const std::size_t bytes = bytes_of(program.precision);
  constant_bytes_ = program.constants.size() * copies * bytes;
  constants_.reset(std::aligned_alloc(64, (constant_bytes_ + 64) / 64 * 64));
  auto* to = static_cast<std::byte*>(constants_.get());
  for (const std::uint64_t bits : program.constants) {  // of a float the lower half: little-endian
    for (std::size_t k = 0; k < copies; ++k, to += bytes) std::memcpy(to, &bits, bytes);
  }

  const asmjit::Error error = runtime().add(&run_, &holder);
  if (error != asmjit::kErrorOk) {
    fail("compile",
         std::string("no executable memory: ") + asmjit::DebugUtils::errorAsString(error));
  }
}

Code::~Code() {
  if (run_ != nullptr) runtime().release(run_);
}

#else

Code::Code(const emit::Program&, const CodeOptions&)
    : isa_(Isa::avx2), mask_bytes_(8), lanes_(4), row_vectors_(1) {
  fail("compile", "this build has no assembler (asmjit): kernels are interpreted");
}
Code::~Code() = default;

#endif

}  // namespace chainrule::x64
