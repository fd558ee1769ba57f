// Calls of ONC RPC and their replies as data: every *.rpc file of tests/golden/rpc, against the NFS service, over TCP.
// A line `>` is a call, the line `<` behind it its whole reply; mount.rpc says what their words are.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "lib/services/nfs/attributes.h"
#include "lib/services/nfs/service.h"

namespace gl::nfs {
namespace {

namespace fs = std::filesystem;
using onc_rpc::XdrWriter;
using Wire = std::vector<std::uint8_t>;

class RpcCalls : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "gl-rpc-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    fs::create_directory(root / "dir");
    std::ofstream(root / "file") << "hello";
    std::ofstream(root / "dir/name") << "";
    fs::create_symlink("file", root / "link");
    for (const char* const each : {"", "dir"}) fs::permissions(root / each, fs::perms(0755));
    fs::permissions(root / "file", fs::perms(0644));
    store = std::make_unique<files::FileStore>(
        std::vector<files::Directory>{{root.string(), false, false, "/"}}, std::size_t{1} << 20, 10, [] {},
        files::TreeKey{1});
    ASSERT_TRUE(store->load(0));
    shared.allowed = private_networks();
    shared.exports.list = {{"/", root.string(), 0}};
    shared.exports.groups = {"10.0.0.0/8"};
    service = std::make_unique<NfsService>(shared, store->published(), registry);
    service->begin_burst(0);
  }
  void TearDown() override { fs::remove_all(root); }

  [[nodiscard]] const files::Node& node(const std::string& path) const {
    const files::FileSet& set = *store->current();
    const files::Node* found = set.tree(0)->root;
    std::istringstream names(path);
    for (std::string name; std::getline(names, name, '/');) {
      if (!name.empty()) found = set.find_child(*found, name);
      EXPECT_NE(found, nullptr) << path;
    }
    return *found;
  }
  // One word of a line, as it is on the wire.
  void write(XdrWriter& out, const std::string& word) const {
    const auto path_of = [&](std::string_view what) -> std::optional<std::string> {
      if (!word.starts_with(what) || word[what.size()] != '(') return std::nullopt;
      return word.substr(what.size() + 1, word.size() - what.size() - 2);
    };
    if (const auto handle = path_of("handle")) {
      return write_handle(out, {node(*handle).number, shared.proofs.of(Bytes(flow).first(4))});
    }
    if (const auto path = path_of("attributes")) return write_attributes(out, node(*path));
    if (const auto path = path_of("number")) return out.u64(node(*path).number);
    if (word == "verifier") return out.u64(shared.proofs.verifier());
    if (word.starts_with('"')) return out.string(std::string_view(word).substr(1, word.size() - 2));
    out.u32(static_cast<std::uint32_t>(std::stoul(word)));
  }
  [[nodiscard]] Wire wire_of(const std::string& line) const {
    Wire wire(4096);
    XdrWriter out(wire);
    std::istringstream words(line.substr(1));
    for (std::string word; words >> word;) {
      for (std::string more; word.starts_with('"') && (word.size() == 1 || !word.ends_with('"')) && words >> more;) {
        word += ' ' + more;
      }
      write(out, word);
    }
    wire.resize(out.length());
    return wire;
  }
  [[nodiscard]] Wire ask(const Wire& call) {
    RequestContext context;
    context.flow = flow;
    Wire buffer(kMaxRenderedAnswer);
    const Answer answer = service->answer(call, buffer, context);
    if (answer.kind != Answer::Kind::answered) return {};
    if (!answer.rendered) (void)service->read(answer, 0, MutableBytes(buffer).first(answer.length));
    return {buffer.begin() + onc_rpc::kRecordMarkSize, buffer.begin() + static_cast<long>(answer.length)};
  }

  fs::path root;
  NfsService::Shared shared;
  Registry registry;
  std::unique_ptr<files::FileStore> store;
  std::unique_ptr<NfsService> service;
  const Wire flow = {10, 0, 0, 1, 10, 0, 0, 53, 2, 200, 8, 1};
};

TEST_F(RpcCalls, HaveTheirReplies) {
  std::size_t compared = 0;
  for (const auto& file : fs::directory_iterator(fs::path(GOLDEN_RPC))) {
    std::ifstream lines(file.path());
    std::string call;
    unsigned number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      if (line.starts_with('>')) call = line;
      if (!line.starts_with('<')) continue;
      EXPECT_EQ(ask(wire_of(call)), wire_of(line)) << file.path() << ":" << number << " " << line;
      ++compared;
    }
  }
  EXPECT_GE(compared, 31U);
}

}  // namespace
}  // namespace gl::nfs
