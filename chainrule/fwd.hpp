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
class BranchChanged;
class Block;
class Loop;
class Graph;
class Node;
class Function;
struct Trace;
struct CheckReport;
struct NodeInfo;
struct SparseMatrix;
template <class Tag>
struct Id;
using NodeId = Id<struct NodeTag>;
using Vertex = Id<struct VertexTag>;

}  // namespace chainrule
