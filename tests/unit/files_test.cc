// Directories read into memory: what is taken, what is not, and what two readings share.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lib/files/file_store.h"

namespace gl::files {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "gl-files-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    base = name;
    root = base / "root";
    fs::create_directory(root);
  }
  void TearDown() override { fs::remove_all(base); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path, std::ios::binary) << text;
  }
  [[nodiscard]] ReadSet read(const FileSet* before = nullptr, bool dot_files = false) const {
    auto set = read_directories({{root.string(), dot_files}}, types, 1 << 20, before);
    EXPECT_TRUE(set) << set.error();
    return std::move(*set);
  }
  static std::string text(const FileSet& set, std::string_view path) {
    const Place* const place = set.find(0, path);
    return place == nullptr || place->file == nullptr ? "(nothing)"
                                                      : std::string(place->file->body.begin(), place->file->body.end());
  }

  fs::path base;
  fs::path root;
  MediaTypes types = MediaTypes::read("/nowhere");
};

// The memory is not asked for before: 16 TiB would end the program.
TEST_F(Files, LargerThanTheMemoryForThem) {
  write("small", "s");
  write("sparse", "");
  fs::resize_file(root / "sparse", std::uintmax_t{1} << 42);
  const auto set = read_directories({{root.string()}}, types, 1 << 20, nullptr);
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().find("larger than the memory"), std::string::npos) << set.error();
}

TEST_F(Files, AreFoundByTheirPaths) {
  write("a.txt", "a");
  write("dir/b.css", "b");
  write("dir/index.html", "index");
  const ReadSet read = this->read();
  EXPECT_EQ(read.set->count(), 3U);
  EXPECT_EQ(read.set->bytes(), 7U);
  EXPECT_EQ(text(*read.set, "/a.txt"), "a");
  EXPECT_EQ(text(*read.set, "/dir/"), "index");
  EXPECT_EQ(text(*read.set, "/"), "(nothing)");
  EXPECT_TRUE(read.set->find(0, "/")->directory);
  EXPECT_TRUE(read.set->find(0, "/dir")->lacks_slash);
  EXPECT_EQ(read.set->find(0, "/c"), nullptr);
  EXPECT_EQ(read.set->find(1, "/a.txt"), nullptr);
  EXPECT_EQ(read.set->find(0, "/dir/b.css")->file->type, "text/css");
  EXPECT_EQ(read.set->find(0, "/a.txt")->file->etag.size(), 34U);
  EXPECT_TRUE(read.warnings.empty());
}

TEST_F(Files, NoWayOut) {
  std::ofstream(base / "secret") << "secret";
  write("inside/file", "file");
  fs::create_symlink("../secret", root / "up");
  fs::create_symlink((base / "secret").string(), root / "absolute");
  fs::create_symlink("inside", root / "link");
  fs::create_symlink("..", root / "inside/loop");
  fs::create_symlink("nowhere", root / "dangling");
  ASSERT_EQ(mkfifo((root / "fifo").c_str(), 0600), 0);
  write(".hidden", "hidden");
  write(".well-known/x", "known");
  const ReadSet read = this->read();
  EXPECT_EQ(text(*read.set, "/up"), "(nothing)");
  EXPECT_EQ(text(*read.set, "/absolute"), "(nothing)");
  EXPECT_EQ(text(*read.set, "/link/file"), "file");
  EXPECT_EQ(text(*read.set, "/.hidden"), "(nothing)");
  EXPECT_EQ(text(*read.set, "/.well-known/x"), "known");
  EXPECT_EQ(read.warnings.size(), 6U) << "two ways out, the loop under two names, the dangling link, the FIFO";
  EXPECT_EQ(text(*this->read(nullptr, true).set, "/.hidden"), "hidden");
}

TEST_F(Files, WhatHasNotChangedIsShared) {
  write("same", "same");
  write("other", "before");
  write("gone", "gone");
  const ReadSet first = read();
  const ReadSet again = read(first.set.get());
  EXPECT_EQ(again.changed + again.gone, 0U);
  write("other", "after!");
  write("new", "new");
  fs::remove(root / "gone");
  const ReadSet second = read(first.set.get());
  EXPECT_EQ(second.changed, 2U);
  EXPECT_EQ(second.gone, 1U);
  EXPECT_EQ(second.set->find(0, "/same")->file, first.set->find(0, "/same")->file);
  const File& before = *first.set->find(0, "/other")->file;
  const File& after = *second.set->find(0, "/other")->file;
  EXPECT_NE(before.version, after.version);
  EXPECT_EQ(before.since, 1U);
  EXPECT_EQ(after.since, 2U);
}

TEST_F(Files, KnowTheirCompressedForms) {
  write("page.html", "page");
  write("page.html.gz", "zipped");
  const ReadSet first = read();
  const File& page = *first.set->find(0, "/page.html")->file;
  ASSERT_NE(page.coded[0], nullptr);
  EXPECT_EQ(page.coded[0]->type, "text/html");
  EXPECT_EQ(first.set->find(0, "/page.html.gz")->file->type, "application/gzip");
  EXPECT_NE(page.coded[0]->version, page.version);
  const ReadSet again = read(first.set.get());
  EXPECT_EQ(again.changed, 0U);
  EXPECT_EQ(again.set->find(0, "/page.html")->file->version, page.version);
  // Without it the answers say something else to caches: it is another file.
  fs::remove(root / "page.html.gz");
  const ReadSet without = read(first.set.get());
  EXPECT_NE(without.set->find(0, "/page.html")->file->version, page.version);
  EXPECT_FALSE(without.set->find(0, "/page.html")->file->has_coded());
}

TEST_F(Files, MoreThanTheMemoryForThem) {
  write("a", std::string(600, 'a'));
  write("b", std::string(600, 'b'));
  const auto set = read_directories({{root.string()}}, types, 1000, nullptr);
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().find("/b: the files are larger"), std::string::npos) << set.error();
  EXPECT_FALSE(read_directories({{(base / "nowhere").string()}}, types, 1000, nullptr));
}

TEST_F(Files, LingerAndGo) {
  write("a", "one");
  unsigned waited = 0;
  FileStore store({{root.string()}}, 1 << 20, 10, [&] { ++waited; });
  ASSERT_TRUE(store.load(100));
  const auto reload = [&](std::uint64_t now) {
    ASSERT_TRUE(store.begin_reload());
    for (;;) {
      if (const auto done = store.finish_reload(now)) return;
      usleep(1000);
    }
  };
  write("a", "two!");
  reload(105);
  const PublishedFiles* published = store.published().load();
  EXPECT_EQ(text(*published->current, "/a"), "two!");
  ASSERT_NE(published->kept[0], nullptr);
  EXPECT_EQ(text(*published->kept[0], "/a"), "one");
  EXPECT_EQ(published->settled, 1U);
  const unsigned before = waited;
  reload(106);
  EXPECT_EQ(waited, before) << "nothing has changed: nothing is published";
  store.tick(114);
  EXPECT_NE(store.published().load()->kept[0], nullptr);
  store.tick(115);
  published = store.published().load();
  EXPECT_EQ(published->kept[0], nullptr);
  EXPECT_EQ(published->settled, 2U);
}

TEST_F(Files, AreATreeAsWell) {
  write("dir/file", "file");
  write("top", "top");
  fs::create_directory(root / "empty");
  fs::create_symlink("dir", root / "link");
  fs::create_symlink("../nowhere", root / "out");
  const auto read = [&](bool paths, const FileSet* before) {
    auto set = read_directories({{root.string(), false, paths, "/"}}, types, 1 << 20, before, TreeKey{1});
    EXPECT_TRUE(set) << set.error();
    return std::move(*set);
  };
  const ReadSet first = read(true, nullptr);
  const FileSet& set = *first.set;
  EXPECT_EQ(text(set, "/link/file"), "file");  // paths are as without a tree
  const Node& top = *set.tree(0)->root;
  EXPECT_EQ(top.children.size(), 5U);
  EXPECT_EQ(top.links, 4U);
  EXPECT_EQ(set.tree(0)->nodes.size(), 7U);
  EXPECT_EQ(set.tree(0)->bytes, 7U);
  const Node* const dir = set.find_child(top, "dir");
  ASSERT_NE(dir, nullptr);
  EXPECT_EQ(dir->parent, &top);
  EXPECT_EQ(set.find_child(*dir, "file")->file->body.size(), 4U);
  EXPECT_EQ(set.find_child(top, "link")->target, "dir");
  EXPECT_EQ(set.find_child(top, "out")->target, "../nowhere");
  EXPECT_EQ(set.find_child(top, "dir/file"), nullptr);
  EXPECT_EQ(set.find_child(top, std::string(256, 'x')), nullptr);
  EXPECT_EQ(set.find_node(dir->number), dir);
  EXPECT_TRUE(std::ranges::is_sorted(top.children, {}, &Node::number));
  EXPECT_EQ(top.children_behind(top.children[1]->number).size(), 3U);
  EXPECT_EQ(top.children_behind(top.children[1]->number - 1).size(), 4U);

  // Numbers are the path's; what has not changed is known as that.
  fs::permissions(root / "top", fs::perms::owner_read);
  write("dir/new", "new");
  const ReadSet second = read(false, first.set.get());
  EXPECT_TRUE(second.tree_changed);
  EXPECT_EQ(text(*second.set, "/link/file"), "(nothing)");  // links were not followed
  const auto since = [&](std::string_view name) {
    return second.set->find_child(*second.set->tree(0)->root, name)->since;
  };
  EXPECT_EQ(second.set->find_child(*second.set->tree(0)->root, "dir")->number, dir->number);
  EXPECT_EQ(since("top"), 2U);
  EXPECT_EQ(since("dir"), 2U);
  EXPECT_EQ(since("empty"), 1U);
  EXPECT_EQ(since("link"), 1U);
  EXPECT_FALSE(read(false, second.set.get()).tree_changed);
}

}  // namespace
}  // namespace gl::files
