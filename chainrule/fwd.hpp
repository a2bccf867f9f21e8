// Forward declarations, for headers that only name these types.
#pragma once

namespace chainrule {

class Scalar;
class Condition;
class Operand;
class Tape;
class Frame;
class Activation;
class Error;
class HandleError;
struct CheckReport;
struct NodeInfo;
template <class Tag>
struct Id;
using NodeId = Id<struct NodeTag>;

}  // namespace chainrule
