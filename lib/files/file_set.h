// Files of some directories in memory, as services hand them out: read once, immutable, shared by all cores.
// Units: bytes, seconds since 1970. Ownership: a set owns its files together with the sets that have the same ones.
// Thread: built by the main core, read-only then; find() neither allocates nor locks. Errors: null where there is none.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/files/tree.h"
#include "lib/files/tree_builder.h"

namespace gl::files {

// Of a file beside another one, with its name and a suffix more: the same content, compressed.
enum class Coding : std::uint8_t { gzip, brotli, zstd };
inline constexpr std::size_t kCodings = 3;
struct CodingName {
  std::string_view suffix;  // of the file's name
  std::string_view token;   // RFC 9110 section 8.4.1, RFC 7932, RFC 8878
};
inline constexpr std::array<CodingName, kCodings> kCodingNames = {{{".gz", "gzip"}, {".br", "br"}, {".zst", "zstd"}}};

struct File {
  // Names the body and all that is said of it here: no other file, and no other state of this one, has the same.
  std::uint32_t version = 0;
  std::uint32_t since = 0;  // generation of the set that had it first
  std::vector<std::uint8_t> body;
  std::int64_t modified = 0;
  std::string type;  // media type
  std::string etag;  // strong, from the body, with its quotes (RFC 9110 section 8.8.3)
  std::array<std::shared_ptr<const File>, kCodings> coded{};  // by Coding; null: there is none
  std::string state;                                          // what tells whether the file on disk has changed

  [[nodiscard]] bool has_coded() const noexcept { return coded[0] || coded[1] || coded[2]; }
};

// What a path leads to.
struct Place {
  const File* file = nullptr;  // null with `directory`: it has no index.html
  bool directory = false;      // its path ends with a slash
  bool lacks_slash = false;    // a directory's, but for the slash at the end
};

class FileSet {
 public:
  // `root`: index of the directory among those that were read. `path`: absolute below it, percent-decoded.
  [[nodiscard]] const Place* find(std::size_t root, std::string_view path) const noexcept {
    if (root >= roots_.size()) return nullptr;
    const auto found = roots_[root].places.find(path);
    return found == roots_[root].places.end() ? nullptr : &found->second;
  }
  // The file, or compressed form of one, whose version has these low 24 bits: as many as the name of an answer has.
  static constexpr std::uint32_t kVersionMask = 0xffffff;
  [[nodiscard]] const File* find_version(std::uint32_t version) const noexcept {
    const auto found = versions_.find(version & kVersionMask);
    return found == versions_.end() ? nullptr : found->second;
  }
  // The tree of a directory that was read as one; null: it was not.
  [[nodiscard]] const Tree* tree(std::size_t root) const noexcept {
    return root < roots_.size() ? roots_[root].tree.get() : nullptr;
  }
  // The tree that a node of this set is of.
  [[nodiscard]] const Tree* tree_of(const Node& node) const noexcept {
    const auto found = std::find_if(roots_.begin(), roots_.end(), [&](const Root& each) {
      return each.tree != nullptr && each.tree->root->number == node.tree;
    });
    return found == roots_.end() ? nullptr : found->tree.get();
  }
  // Of any tree; null: nobody has this number.
  [[nodiscard]] const Node* find_node(std::uint64_t number) const noexcept {
    const auto found = nodes_.find(number);
    return found == nodes_.end() ? nullptr : found->second;
  }
  // What a directory of a tree has under this name; null: nothing.
  [[nodiscard]] const Node* find_child(const Node& directory, std::string_view name) const noexcept {
    const Node* const node = find_node(numbers_.child(directory.number, name));
    return node != nullptr && node->parent == &directory && node->name == name ? node : nullptr;
  }
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t largest() const noexcept { return largest_; }

 private:
  friend class FileReader;
  struct Root {
    // By path below the root; where a file is, its own copy keeps it alive.
    std::unordered_map<std::string_view, Place> places;
    std::unordered_map<std::string, std::shared_ptr<const File>> files;
    std::vector<std::unique_ptr<const std::string>> directories;  // what the keys of places are views of
    std::unique_ptr<const Tree> tree;                             // null: it was not asked for
  };
  NodeNumbers numbers_{TreeKey{}};
  NodeTable nodes_;
  std::vector<Root> roots_;
  std::unordered_map<std::uint32_t, const File*> versions_;
  std::uint32_t generation_ = 0;
  std::uint32_t next_version_ = 0;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::size_t largest_ = 0;
};

}  // namespace gl::files
