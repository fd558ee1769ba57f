#include "lib/files/tree_builder.h"

#include <algorithm>

#include "lib/files/file_set.h"

namespace gl::files {
namespace {

NodeAttributes attributes_of(const struct stat& is) {
  const auto moment = [](const timespec& at) { return Moment{at.tv_sec, static_cast<std::uint32_t>(at.tv_nsec)}; };
  return {.mode = is.st_mode & 07777,
          .user = is.st_uid,
          .group = is.st_gid,
          .size = static_cast<std::uint64_t>(is.st_size),
          .used = static_cast<std::uint64_t>(is.st_blocks) * 512,
          .modified = moment(is.st_mtim),
          .changed = moment(is.st_ctim)};
}

bool is_same(const Node& a, const Node& b) {
  const bool same_file =
      (a.file == nullptr) == (b.file == nullptr) && (a.file == nullptr || a.file->etag == b.file->etag);
  return a.kind == b.kind && a.links == b.links && a.attributes == b.attributes && a.target == b.target && same_file &&
         std::ranges::equal(a.children, b.children, {}, &Node::number, &Node::number);
}

}  // namespace

Node* TreeBuilder::add(NodeKind kind, const std::string& name, const struct stat& is) {
  Node* const parent = path_.empty() ? nullptr : path_.back();
  const std::uint64_t number = parent == nullptr ? numbers_.root(name) : numbers_.child(parent->number, name);
  if (number == 0 || all_.contains(number)) return nullptr;
  Node& node = tree_->nodes.emplace_back();
  node.kind = kind;
  node.number = number;
  node.tree = parent == nullptr ? number : parent->tree;
  node.attributes = attributes_of(is);
  node.name = name;
  node.parent = parent == nullptr ? &node : parent;
  all_.emplace(number, &node);
  if (parent == nullptr) {
    tree_->root = &node;
  } else {
    parent->children.push_back(&node);
  }
  return &node;
}

bool TreeBuilder::enter(const std::string& name, const struct stat& is) {
  Node* const node = add(NodeKind::directory, name, is);
  if (node == nullptr) return false;
  node->links = 2;
  if (!path_.empty()) ++path_.back()->links;
  path_.push_back(node);
  return true;
}

bool TreeBuilder::add_file(const std::string& name, const struct stat& is, const std::string& path) {
  Node* const node = add(NodeKind::file, name, is);
  if (node != nullptr) files_.emplace_back(node, path);
  return node != nullptr;
}

bool TreeBuilder::add_link(const std::string& name, const struct stat& is, std::string target) {
  Node* const node = add(NodeKind::link, name, is);
  if (node != nullptr) node->target = std::move(target);
  return node != nullptr;
}

std::pair<std::unique_ptr<const Tree>, bool> TreeBuilder::finish(const FileOf& file_of, const NodeTable* before) {
  for (const auto& [node, path] : files_) {
    node->file = file_of(path);
    node->attributes.size = node->file->body.size();  // one that grew meanwhile is as long as what was read
    tree_->bytes += node->attributes.size;
  }
  bool changed = before == nullptr;
  for (Node& node : tree_->nodes) {
    std::ranges::sort(node.children, {}, &Node::number);
    const auto found = before == nullptr ? NodeTable::const_iterator{} : before->find(node.number);
    const bool same = before != nullptr && found != before->end() && is_same(node, *found->second);
    node.since = same ? found->second->since : generation_;
    changed = changed || !same;
  }
  return {std::move(tree_), changed};
}

}  // namespace gl::files
