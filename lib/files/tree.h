// A directory as it is on the disk, name by name: attributes, symbolic links as such, lists of names. Beside the paths
// of file_set.h, which say where a link leads. Each node has a number that is a keyed hash of the path to it: the same
// in every process that has the key, and after a reload, whatever the node has become.
// Units: bytes, seconds and nanoseconds since 1970. Ownership: a FileSet owns its trees; nodes share files with other
// sets. Thread: built by one thread, read-only then. Errors: none. Source: SipHash-2-4 (libsodium).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gl::files {

struct File;

using TreeKey = std::array<std::uint8_t, 16>;

// 63 bits, and above 2: lists of names have smaller numbers for the directory itself and the one above it.
class NodeNumbers {
 public:
  explicit NodeNumbers(const TreeKey& key) noexcept : key_(key) {}
  [[nodiscard]] std::uint64_t root(std::string_view tree) const noexcept { return number(0, tree); }
  // A name longer than a file's can be is no one's: 0.
  [[nodiscard]] std::uint64_t child(std::uint64_t parent, std::string_view name) const noexcept {
    return number(parent, name);
  }
  static constexpr std::size_t kMaxName = 255;
  static constexpr std::uint64_t kMost = 0x7fffffffffffffff;

 private:
  [[nodiscard]] std::uint64_t number(std::uint64_t parent, std::string_view name) const noexcept;
  TreeKey key_;
};

enum class NodeKind : std::uint8_t { file, directory, link };

struct Moment {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  friend bool operator==(const Moment&, const Moment&) = default;
};

// What stat(2) says.
struct NodeAttributes {
  std::uint32_t mode = 0;  // permission bits, 07777
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::uint64_t size = 0;
  std::uint64_t used = 0;  // on the disk
  Moment modified;
  Moment changed;
  friend bool operator==(const NodeAttributes&, const NodeAttributes&) = default;
};

struct Node {
  NodeKind kind = NodeKind::directory;
  std::uint32_t links = 1;   // of a directory: 2, and its directories; else 1, since each name has a number of its own
  std::uint64_t number = 0;  // see above
  std::uint64_t tree = 0;    // number of the root
  std::uint32_t since = 0;   // generation of the set from which on all that is said here has been so
  NodeAttributes attributes;
  std::string name;
  const Node* parent = nullptr;       // the root's is itself
  std::shared_ptr<const File> file;   // of a file
  std::string target;                 // of a link
  std::vector<const Node*> children;  // of a directory, by their numbers

  // Those behind this number.
  [[nodiscard]] std::span<const Node* const> children_behind(std::uint64_t number) const noexcept;
};

struct Tree {
  const Node* root = nullptr;
  std::uint64_t bytes = 0;  // of its files
  std::deque<Node> nodes;
};

}  // namespace gl::files
