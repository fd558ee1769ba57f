// Puts a tree together while a directory is walked, and finds out what in it is as it was before.
// Ownership: the tree is handed out at the end. Thread: any one. Errors: false where two paths have the same number,
// which they do once in many million trees: the second is left out.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/files/tree.h"

namespace gl::files {

// By number.
using NodeTable = std::unordered_map<std::uint64_t, const Node*>;

class TreeBuilder {
 public:
  // `all`: the nodes of every tree of the set. `generation`: the set's.
  TreeBuilder(const TreeKey& key, NodeTable& all, std::uint32_t generation)
      : numbers_(key), all_(all), generation_(generation) {}

  // The first directory is the root, and its name the tree's; each is left again.
  [[nodiscard]] bool enter(const std::string& name, const struct stat& is);
  void leave() { path_.pop_back(); }
  // `path`: by which finish() is told the file's content.
  [[nodiscard]] bool add_file(const std::string& name, const struct stat& is, const std::string& path);
  [[nodiscard]] bool add_link(const std::string& name, const struct stat& is, std::string target);

  using FileOf = std::function<std::shared_ptr<const File>(const std::string& path)>;
  // Whether something is another than `before`, which may be null.
  [[nodiscard]] std::pair<std::unique_ptr<const Tree>, bool> finish(const FileOf& file_of, const NodeTable* before);

 private:
  [[nodiscard]] Node* add(NodeKind kind, const std::string& name, const struct stat& is);

  const NodeNumbers numbers_;
  NodeTable& all_;
  const std::uint32_t generation_;
  std::unique_ptr<Tree> tree_ = std::make_unique<Tree>();
  std::vector<Node*> path_;  // the directories that are open
  std::vector<std::pair<Node*, std::string>> files_;
};

}  // namespace gl::files
