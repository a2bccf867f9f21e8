#include "chainrule/emit/x64/code_internal.hpp"

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

void Code::activate(std::byte* frame, std::size_t first, std::size_t count) const {
  if (isa_ == Isa::avx2) {  // all masks lie side by side
    static_assert(Frame::active_mask(1) == Frame::active_mask(0) + 32);
    std::byte* const masks = frame + Frame::active_mask(0);
    std::memset(masks, 0, rows() * mask_bytes_);
    std::memset(masks + first * mask_bytes_, 0xFF, count * mask_bytes_);
    return;
  }
  std::uint16_t bits[4] = {};
  for (std::size_t r = 0; r < row_vectors_; ++r) {
    const auto in_vector = [&](std::size_t row) {
      return std::min(row - std::min(row, r * lanes_), lanes_);
    };
    const std::size_t from = in_vector(first), to = in_vector(first + count);
    bits[r] = static_cast<std::uint16_t>((1u << to) - (1u << from));
  }
  std::memcpy(frame + Frame::active_bits(0), bits, sizeof bits);
}

const std::byte** Code::tables(std::byte* frame) const {
  return reinterpret_cast<const std::byte**>(frame + Frame::table(0));
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

bool Code::any_active(const std::byte* frame) const {
  for (std::size_t row = 0; row < rows(); ++row) {
    if (is_active(frame, row)) return true;
  }
  return false;
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

// The bit or the mask that says whether a lane takes part.
template <Isa isa, std::size_t lane_bytes>
class ActiveLane {
 public:
  ActiveLane(std::byte* frame, std::size_t r, std::size_t i)
      : at_(frame + (isa == Isa::avx512 ? Frame::active_bits(r) + i / 8
                                        : Frame::active_mask(r) + lane_bytes * i)),
        bits_(isa == Isa::avx512 ? std::byte{1} << (i % 8) : std::byte{0xFF}) {}
  explicit operator bool() const { return (*at_ & bits_) != std::byte{0}; }
  void clear() const {
    if constexpr (isa == Isa::avx512) {
      *at_ &= ~bits_;
    } else {
      std::memset(at_, 0, lane_bytes);
    }
  }

 private:
  std::byte* at_;
  std::byte bits_;
};

template <Isa isa, class Lane>
void run_block(const Block* block, const Lane* operands, Lane* results, std::byte* frame,
               std::size_t row_vectors) {
  static thread_local std::vector<double> scratch;
  const std::size_t inputs = block->inputs(), outputs = block->outputs();
  std::vector<double> numbers;
  numbers.swap(scratch);  // a block may run a kernel in turn
  constexpr std::size_t kVectorBytes = isa == Isa::avx512 ? 64 : 32;
  constexpr std::size_t kLanes = kVectorBytes / sizeof(Lane);
  const std::size_t rows = kLanes * row_vectors;
  for (std::size_t row = 0; row < rows; ++row) {
    const ActiveLane<isa, sizeof(Lane)> active(frame, row / kLanes, row % kLanes);
    bool has_results = false;
    if (active) {
      try {
        if (numbers.size() < inputs + outputs) numbers.resize(inputs + outputs);
        double* const x = numbers.data();
        for (std::size_t k = 0; k < inputs; ++k) x[k] = operands[k * rows + row];
        const Inner apart(Inner::Sealed{});
        block->value({x, inputs}, {x + inputs, outputs});
        has_results = true;
      } catch (...) {  // the row is answered by the Function, which throws what there is to throw
        active.clear();
      }
    }
    for (std::size_t k = 0; k < outputs; ++k) {
      results[k * rows + row] = has_results ? static_cast<Lane>(numbers[inputs + k]) : Lane{0};
    }
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

  // AVX-512 broadcasts a number as it reads it; AVX2 does not, and has them as vectors.
  const std::size_t copies = isa_ == Isa::avx512 ? 1 : lanes_;
  const std::size_t bytes = bytes_of(program.precision);
  constant_bytes_ = program.constants.size() * copies * bytes;
  constants_.reset(std::aligned_alloc(64, (constant_bytes_ + 64) / 64 * 64));
  auto* to = static_cast<std::byte*>(constants_.get());
  for (const std::uint64_t bits : program.constants) {  // of a float the lower half: little-endian
    for (std::size_t k = 0; k < copies; ++k, to += bytes) std::memcpy(to, &bits, bytes);
  }

  Entry* run = nullptr;
  const asmjit::Error error = runtime().add(&run, &holder);
  if (error != asmjit::kErrorOk) {
    fail("compile",
         std::string("no executable memory: ") + asmjit::DebugUtils::errorAsString(error));
  }
  run_.reset(run);
  const CodeFacts facts{reinterpret_cast<const void*>(run), code_bytes_, options.name,
                        generator.stack()};
  registered_ = std::make_unique<const Registered>(facts);
}

void Code::Release::operator()(Entry* run) const { runtime().release(run); }

#else

Code::Code(const emit::Program&, const CodeOptions&)
    : isa_(Isa::avx2), mask_bytes_(8), lanes_(4), row_vectors_(1) {
  fail("compile", "this build has no assembler (asmjit): kernels are interpreted");
}
void Code::Release::operator()(Entry*) const {}

#endif

}  // namespace chainrule::x64
