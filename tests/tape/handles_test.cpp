// Leaves, names, frames, stamps and threads.
#include <gtest/gtest.h>

#include <functional>
#include <sstream>
#include <thread>

#include "chainrule/chainrule.hpp"
#include "chainrule/tape/inspect.hpp"

namespace chainrule {
namespace {

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

#define EXPECT_SAYS(words, ...)                                              \
  EXPECT_NE(message_of([&] { __VA_ARGS__; }).find(words), std::string::npos) \
      << message_of([&] { __VA_ARGS__; })

class Handles : public testing::Test {
 protected:
  Tape tape{"mine"};
  Activation active = tape.activate();
};

TEST_F(Handles, writing_to_a_constant_throws_and_names_it) {
  Scalar c = constant(3, "c"), x = variable(1, "x"), y = x * 2;
  EXPECT_SAYS("c is a constant", c.assign(4));
  EXPECT_SAYS("mul/0 is the result of an operation", y.assign(4));
  EXPECT_SAYS("plain number", Scalar(2).assign(4));
  EXPECT_EQ(c.value(), 3);
  EXPECT_EQ(gradient(c * x, {c})[0], 1);  // yet a constant has an adjoint
}

TEST_F(Handles, assigning_a_variable_leaves_what_was_recorded_before_as_it_was) {
  Scalar x = variable(2, "x");
  const Scalar old = x, y = x * x;
  x.assign(5);
  EXPECT_EQ(x.value(), 5);
  EXPECT_EQ(x.name(), "x");
  EXPECT_EQ(gradient(y, {old, x}), (std::vector<double>{4, 0}));
  EXPECT_EQ(gradient(x * x, {x})[0], 10);
}

TEST_F(Handles, a_placeholder_throws_until_it_has_a_value) {
  Scalar p = placeholder("speed");
  EXPECT_SAYS("placeholder speed has no value", p * 2);
  EXPECT_SAYS("placeholder speed has no value", sin(p));
  EXPECT_SAYS("placeholder speed has no value", p.backward());
  EXPECT_EQ(to_string(p), "speed: no value");
  p.assign(3);
  EXPECT_EQ(gradient(p * p, {p})[0], 6);
  EXPECT_EQ(inspect(p).kind, NodeKind::placeholder);
}

TEST_F(Handles, a_placeholder_of_a_rewound_frame_is_stale_even_where_another_stands_now) {
  Frame frame = tape.frame();
  Scalar old = placeholder("old");
  frame.rewind();
  const Scalar fresh = placeholder("fresh");
  EXPECT_THROW(old.assign(1), HandleError);
  Scalar copy = fresh;
  copy.assign(2);
  EXPECT_EQ(copy.name(), "fresh");
}

TEST_F(Handles, nodes_without_a_label_are_called_by_operation_and_number) {
  const Scalar v = variable(1), c = constant(2), m = v * c, n = m * m, s = m + n;
  EXPECT_EQ(v.name(), "var/0");
  EXPECT_EQ(c.name(), "const/0");
  EXPECT_EQ(m.name(), "mul/0");
  EXPECT_EQ(n.name(), "mul/1");
  EXPECT_EQ(s.name(), "add/0");
  EXPECT_EQ(select(v > 0, v, c).name(), "select/0");
  Scalar labelled = (v * 3).label("tripled");
  EXPECT_EQ(labelled.name(), "tripled");
  labelled.label("thrice");
  EXPECT_EQ(labelled.name(), "thrice");
  Scalar p = placeholder();
  p.assign(0);
  EXPECT_EQ(p.name(), "plc/0");
}

TEST_F(Handles, printing_a_node_shows_label_value_and_grad) {
  const Scalar x = variable(1.5, "x");
  std::ostringstream out;
  out << x << "; ";
  (x * x).backward();
  out << x << "; " << Scalar(2);
  EXPECT_EQ(out.str(), "x: 1.5; x: 1.5, grad 3; 2");
}

TEST_F(Handles, inspection_shows_operation_operands_and_local_partials) {
  const Scalar x = variable(2, "x"), y = variable(3, "y");
  const NodeInfo product = inspect(x * y);
  EXPECT_EQ(product.kind, NodeKind::operation);
  EXPECT_EQ(product.op, Op::mul);
  EXPECT_EQ(product.operands[0].node, x.node());
  EXPECT_EQ(*product.operands[0].partial, 3);
  EXPECT_EQ(*product.operands[1].partial, 2);
  const NodeInfo scaled = inspect(10 - x);
  EXPECT_TRUE(scaled.operands[0].is_number);
  EXPECT_EQ(scaled.operands[0].value, 10);
  EXPECT_EQ(*scaled.operands[1].partial, -1);
  const NodeInfo chosen = inspect(select(x > 5, x, y));
  EXPECT_EQ(chosen.operands.size(), 3u);
  EXPECT_FALSE(chosen.operands[1].partial);
  EXPECT_EQ(*chosen.operands[2].partial, 1);
  EXPECT_EQ(scalar_of(product.id).value(), 6);
}

TEST_F(Handles, source_lines_are_kept_in_debug_mode_only) {
  const Scalar x = variable(2, "x");
  EXPECT_EQ(inspect(x * x).at.file, nullptr);
  tape.keep_source_lines();
  const Scalar y = x * x;
  const int line = __LINE__ - 1;
  const Scalar z = sin(y);
  EXPECT_EQ(inspect(y).at.line, line);
  EXPECT_EQ(inspect(variable(1)).at.line, line + 4);
  EXPECT_EQ(inspect(z).at.line, line + 2);
  EXPECT_NE(std::string(inspect(y).at.file).find("handles_test.cpp"), std::string::npos);
  tape.keep_source_lines(false);
  EXPECT_EQ(inspect(x * x).at.file, nullptr);
  EXPECT_EQ(gradient(y * x, {x})[0], 12);
}

TEST_F(Handles, a_frame_rewinds_and_its_handles_are_stale) {
  const Scalar outer = variable(2, "outer");
  const auto before = tape.size();
  Scalar inner;
  {
    const Frame frame = tape.frame();
    inner = outer * 3;
    EXPECT_EQ(gradient(inner, {outer})[0], 3);
  }
  EXPECT_EQ(tape.size(), before);
  EXPECT_EQ(inner.value(), 6);  // the number is still there
  EXPECT_SAYS("stale", inner + 1);
  EXPECT_SAYS("stale", inner.backward());
  EXPECT_SAYS("tape", gradient(outer, {inner}));
  EXPECT_EQ(gradient(outer * outer, {outer})[0], 4);  // the outer frame's nodes stay valid
}

TEST_F(Handles, a_row_reused_after_a_rewind_does_not_answer_for_the_old_handle) {
  const Scalar x = variable(1, "x");
  Scalar old;
  {
    const Frame frame = tape.frame();
    old = x * 2;
    old.set_grad(5);
  }
  const Frame frame = tape.frame();
  const Scalar fresh = (x * 7).label("fresh");
  EXPECT_EQ(fresh.node(), NodeId{1});
  EXPECT_FALSE(fresh.has_grad());
  EXPECT_THROW((void)old.grad(), HandleError);
}

TEST_F(Handles, a_frame_can_be_rewound_and_used_again) {
  const Scalar x = variable(3, "x");
  Frame frame = tape.frame();
  for (int i = 0; i < 1000; ++i) {
    const Scalar y = x * x + i;
    EXPECT_EQ(gradient(y, {x})[0], 6);
    frame.rewind();
    EXPECT_THROW(y + 1, HandleError);
  }
  EXPECT_EQ(tape.size(), 1u);
}

TEST_F(Handles, frames_nest_and_labels_go_with_them) {
  const Scalar x = variable(3, "x");
  {
    const Frame outer = tape.frame();
    const Scalar y = (x * x).label("y");
    {
      const Frame inner = tape.frame();
      const Scalar z = (y * x).label("z");
      EXPECT_EQ(gradient(z, {x, y}), (std::vector<double>{27, 3}));
    }
    EXPECT_EQ(y.name(), "y");
    EXPECT_EQ(gradient(y, {x})[0], 6);
  }
  const Scalar again = x * x;
  EXPECT_EQ(again.name(), "mul/0");
}

TEST_F(Handles, frames_closed_out_of_order_leave_the_tape_usable) {
  const Scalar x = variable(2, "x");
  auto* outer = new Frame(tape.frame());
  auto* inner = new Frame(tape.frame());
  const Scalar y = x * x;
  delete outer;
  EXPECT_SAYS("stale", y + 1);
  EXPECT_SAYS("closed", inner->rewind());
  const Frame fresh = tape.frame();
  const Scalar z = x * x;
  delete inner;
  EXPECT_EQ(gradient(z, {x})[0], 4);
  EXPECT_FALSE(variable(3).is_number());
}

TEST_F(Handles, a_tape_destroyed_inside_its_activation_is_let_go) {
  auto* doomed = new Tape("doomed");
  {
    const Activation inner = doomed->activate();
    variable(1);
    delete doomed;
    const Frame frame = Tape::active().frame();  // the thread's default tape
    EXPECT_EQ((variable(2) * 3).value(), 6);
  }
  EXPECT_EQ(&Tape::active(), &tape);
}

TEST_F(Handles, more_than_254_frames_are_refused) {
  const auto nest = [this](const auto& self, int depth) -> int {
    const Frame frame = tape.frame();
    return depth == 1000 ? depth : self(self, depth + 1);
  };
  EXPECT_SAYS("254 frames", nest(nest, 0));
  EXPECT_EQ(variable(1).value(), 1);
}

TEST_F(Handles, crossing_tapes_throws_and_names_both) {
  const Scalar x = variable(1, "x");
  Tape other("other");
  const Activation inner = other.activate();
  EXPECT_SAYS("was recorded on tape", x * 2);
  EXPECT_SAYS("'other'", x * variable(2));
  EXPECT_SAYS("'other'", gradient(variable(2), {x}));
}

TEST_F(Handles, an_activation_restores_the_tape_before) {
  const Scalar x = variable(1, "x");
  {
    Tape other;
    const Activation inner = other.activate();
    variable(5);
    EXPECT_EQ(other.size(), 1u);
  }
  EXPECT_EQ((x + 1).value(), 2);
  EXPECT_EQ(&Tape::active(), &tape);
}

TEST_F(Handles, a_handle_on_the_wrong_thread_throws) {
  const Scalar x = variable(1, "x");
  std::string without_tape, with_tape;
  std::thread([&] {
    without_tape = message_of([&] { x * 2; });
    const Scalar own = variable(2, "own");
    with_tape = message_of([&] { x* own; });
  }).join();
  EXPECT_NE(without_tape.find("none on this thread"), std::string::npos) << without_tape;
  EXPECT_NE(with_tape.find("was recorded on tape"), std::string::npos) << with_tape;
}

TEST_F(Handles, a_tape_is_active_on_one_thread_at_a_time) {
  std::string said;
  std::thread([&] { said = message_of([&] { const Activation again = tape.activate(); }); }).join();
  EXPECT_NE(said.find("active already"), std::string::npos) << said;
}

TEST_F(Handles, every_thread_records_on_its_own_tape) {
  std::vector<double> slopes(8);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < slopes.size(); ++t) {
    threads.emplace_back([t, &slopes] {
      for (int round = 0; round < 200; ++round) {
        const Frame frame = Tape::active().frame();
        const Scalar x = variable(static_cast<double>(t), "x");
        Scalar y = x;
        for (int i = 0; i < 100; ++i) y = y * 0.5 + lgamma(x * x + 1);
        slopes[t] = gradient(y, {x})[0];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Scalar x = variable(7, "x");
  Scalar y = x;
  for (int i = 0; i < 100; ++i) y = y * 0.5 + lgamma(x * x + 1);
  EXPECT_EQ(slopes[7], gradient(y, {x})[0]);
}

TEST_F(Handles, clear_forgets_everything) {
  const Scalar x = variable(1, "x");
  tape.clear();
  EXPECT_EQ(tape.size(), 0u);
  EXPECT_SAYS("stale", x + 1);
  const Frame frame = tape.frame();
  EXPECT_SAYS("a frame is open", tape.clear());
}

TEST_F(Handles, an_operation_takes_17_bytes_and_a_repeated_number_is_pooled) {
  const Scalar x = variable(1, "x");
  const TapeBytes before = tape.bytes();
  Scalar y = x;
  for (int i = 0; i < 1000; ++i) y = y * 1.5 + x;
  const TapeBytes after = tape.bytes();
  EXPECT_EQ(after.rows - before.rows, 2000u * 17);
  EXPECT_LE(after.numbers, 8u);
}

TEST_F(Handles, an_error_can_be_copied_and_kept) {
  std::exception_ptr kept;
  try {
    variable(1).assign(2), Scalar(1).assign(2);
  } catch (const Error& error) {
    Error copy = error;
    copy = error;
    kept = std::make_exception_ptr(copy);
  }
  EXPECT_THROW(std::rethrow_exception(kept), Error);
}

}  // namespace
}  // namespace chainrule
