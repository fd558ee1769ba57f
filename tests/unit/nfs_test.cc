// NFS and MOUNT: handles, statuses, what a stranger draws, and replies that go on over a reload.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "lib/services/nfs/service.h"
#include "tests/allocations.h"
#include "tests/first_datagram.h"

namespace gl::nfs {
namespace {

namespace fs = std::filesystem;
using onc_rpc::XdrWriter;
using Wire = std::vector<std::uint8_t>;

class Nfs : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "gl-nfs-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    fs::permissions(root, fs::perms(0755));
    write("file", std::string(100'000, 'x'));
    write("dir/below", "below");
    fs::create_symlink("file", root / "link");
    store = std::make_unique<files::FileStore>(
        std::vector<files::Directory>{{root.string(), false, false, "/"}}, std::size_t{1} << 24, 10, [] {},
        files::TreeKey{1});
    ASSERT_TRUE(store->load(0));
    shared.allowed = private_networks();
    shared.exports.list = {{"/", root.string(), 0}};
    shared.exports.groups = {"10.0.0.0/8"};
    shared.proofs = AddressProofs(AddressProofs::Key{2});
    service = std::make_unique<NfsService>(shared, store->published(), registry);
    service->begin_burst(0);
  }
  void TearDown() override { fs::remove_all(root); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path, std::ios::binary) << text;
  }
  void reload(std::uint64_t now) {
    ASSERT_TRUE(store->begin_reload());
    while (!store->finish_reload(now)) usleep(1000);
    service->begin_burst(0);
  }

  // A call of AUTH_NONE; `arguments` writes what follows.
  template <class Arguments>
  static Wire call(std::uint32_t program, std::uint32_t procedure, Arguments arguments) {
    Wire wire(2048);
    XdrWriter out(wire);
    for (const std::uint32_t value : {7u, 0u, 2u, program, 3u, procedure, 0u, 0u, 0u, 0u}) out.u32(value);
    arguments(out);
    wire.resize(out.length());
    return wire;
  }
  static Wire nfs(std::uint32_t procedure, const Handle& handle) {
    return call(kNfsProgram, procedure, [&](XdrWriter& out) { write_handle(out, handle); });
  }
  static Wire read_call(const Handle& handle, std::uint64_t offset, std::uint32_t count) {
    return call(kNfsProgram, 6, [&](XdrWriter& out) {
      write_handle(out, handle);
      out.u64(offset);
      out.u32(count);
    });
  }
  static Wire lookup_call(const Handle& handle, std::string_view name) {
    return call(kNfsProgram, 3, [&](XdrWriter& out) {
      write_handle(out, handle);
      out.string(name);
    });
  }
  static Wire mount_call(std::string_view path) {
    return call(kMountProgram, 1, [&](XdrWriter& out) { out.string(path); });
  }

  Wire udp(const Wire& message) {
    test::FirstDatagram sink(service->allowance(message.size()));
    Datagram datagram{.peer = peer.data(), .local = local.data(), .address_length = 4};
    datagram.peer_port = 700;
    datagram.local_port = kNfsPort;
    datagram.payload = message;
    service->receive(datagram, sink);
    return {sink.sent().begin(), sink.sent().end()};
  }
  // The reply behind its record mark, read in pieces.
  Wire tcp(const Wire& message, RequestContext context = {}) {
    Wire flow(12);
    std::ranges::copy(peer, flow.begin());
    std::ranges::copy(local, flow.begin() + 4);
    context.flow = flow;
    Wire buffer(kMaxRenderedAnswer);
    last = service->answer(message, buffer, context);
    if (last.kind != Answer::Kind::answered) return {};
    EXPECT_LE(last.length, service->largest_answer());
    if (!last.rendered) {
      for (std::size_t at = 0; at < last.length; at += 1001) {
        const std::size_t length = std::min<std::size_t>(1001, last.length - at);
        EXPECT_EQ(service->read(last, at, MutableBytes(buffer).subspan(at, length)), length);
      }
    }
    EXPECT_EQ(load_be<std::uint32_t>(buffer.data()), 0x80000000u | (last.length - 4));
    return {buffer.begin() + 4, buffer.begin() + static_cast<long>(last.length)};
  }
  static std::uint32_t word(const Wire& reply, std::size_t index) {
    return reply.size() < 4 * (index + 1) ? 0xdead : load_be<std::uint32_t>(reply.data() + 4 * index);
  }
  static std::uint32_t status(const Wire& reply) { return word(reply, 6); }
  static Handle handle_in(const Wire& reply) { return *parse_handle(Bytes(reply).subspan(4 * 8, kHandleSize)); }
  Handle mount(std::string_view path = "/") { return handle_in(udp(mount_call(path))); }
  Handle find(std::string_view name) { return handle_in(udp(lookup_call(mount(), name))); }

  fs::path root;
  NfsService::Shared shared;
  Registry registry;
  std::unique_ptr<files::FileStore> store;
  std::unique_ptr<NfsService> service;
  std::array<std::uint8_t, 4> peer = {192, 168, 1, 7};
  std::array<std::uint8_t, 4> local = {192, 168, 1, 53};
  Answer last;
};

TEST_F(Nfs, HandlesSayWhoseTheyAre) {
  const Handle file = find("file");
  EXPECT_EQ(status(udp(nfs(1, file))), 0u);
  EXPECT_EQ(status(tcp(nfs(1, file))), 0u);
  EXPECT_EQ(status(udp(nfs(1, {file.number, 0}))), 0u);  // valid without a proof
  EXPECT_EQ(status(udp(nfs(1, {file.number ^ 1, file.proof}))), 70u);
  Wire broken = nfs(1, file);
  broken[44] ^= 1;
  EXPECT_EQ(status(udp(broken)), 10001u);
  EXPECT_EQ(mount("/dir").number, find("dir").number);
  EXPECT_EQ(mount(root.string() + "/dir").number, find("dir").number);
  EXPECT_EQ(status(udp(mount_call("/file"))), 20u);
  EXPECT_EQ(status(udp(mount_call("/dir/../dir"))), 2u);
}

TEST_F(Nfs, OnlyWhoReceivesDrawsMoreThanThreeTimesTheCall) {
  const Handle file = find("file");
  const Wire message = read_call(file, 0, 65536);
  const Wire whole = udp(message);
  EXPECT_EQ(whole.size(), 1472u);
  peer = {192, 168, 1, 8};
  for (std::uint32_t procedure = 1; procedure < 22; ++procedure) {
    const Wire any = call(kNfsProgram, procedure, [&](XdrWriter& out) {
      write_handle(out, file);
      for (int i = 0; i < 12; ++i) out.u32(i == 0 && (procedure == 14 || procedure == 15) ? 0 : 1);
    });
    EXPECT_LE(udp(any).size(), 3 * any.size()) << procedure;
  }
  const Wire brief = udp(message);
  EXPECT_LE(brief.size(), 3 * message.size());
  EXPECT_GT(word(brief, 6 + 1 + 22), 0u);  // some bytes of the file all the same
  // Over UDP the address that asks is given its own proof; over TCP the caller's goes on.
  EXPECT_NE(handle_in(udp(lookup_call({mount().number, file.proof}, "file"))).proof, file.proof);
  EXPECT_EQ(handle_in(tcp(lookup_call({mount().number, file.proof}, "file"))).proof, file.proof);
}

TEST_F(Nfs, ReadsOverTcp) {
  const Handle file = find("file");
  const Wire reply = tcp(read_call(file, 99'999, 0xffffffff));
  EXPECT_EQ(reply.size(), 24u + 4 + 88 + 12 + 4);  // one byte, filled up
  EXPECT_EQ(Wire(reply.end() - 4, reply.end()), (Wire{'x', 0, 0, 0}));
  EXPECT_EQ(tcp(read_call(file, 0, 1 << 20)).size(), 24u + 4 + 88 + 12 + kMaxRead);
  EXPECT_FALSE(last.rendered);
  EXPECT_EQ(status(tcp(read_call(find("dir"), 0, 1))), 21u);
  EXPECT_EQ(status(tcp(read_call(find("link"), 0, 1))), 22u);
  Wire buffer(kMaxRenderedAnswer);
  Wire flow(12, 10);
  RequestContext context;
  context.flow = flow;
  const Wire message = read_call(file, 0, 1 << 20);
  const std::uint64_t before = test::allocations_so_far();
  const Answer answer = service->answer(message, buffer, context);
  (void)service->read(answer, 0, MutableBytes(buffer).first(1448));
  EXPECT_EQ(test::allocations_so_far(), before);
}

TEST_F(Nfs, BegunRepliesGoOnWithTheSameFiles) {
  const Handle file = find("file");
  const Handle below = find("dir");
  const Wire before = tcp(read_call(file, 0, 100));
  const std::uint32_t begun = last.identity;
  write("file", "another");
  reload(1);
  const Handle same = find("file");
  EXPECT_EQ(same.number, file.number);
  const Wire after = tcp(read_call(file, 0, 100));
  EXPECT_NE(after, before);
  RequestContext context;
  context.continuation = true;
  context.identity = begun;
  EXPECT_EQ(tcp(read_call(file, 0, 100), context), before);
  // Where nobody knows with which files: only what has been so all the time.
  context.identity = 0;
  EXPECT_TRUE(tcp(read_call(file, 0, 100), context).empty());
  EXPECT_EQ(last.kind, Answer::Kind::unrepeatable);
  EXPECT_EQ(status(tcp(nfs(1, below), context)), 0u);
  context.identity = begun + 100;
  EXPECT_TRUE(tcp(nfs(1, below), context).empty());
  fs::remove(root / "file");
  reload(2);
  EXPECT_EQ(status(tcp(nfs(1, file))), 70u);
  EXPECT_EQ(status(tcp(lookup_call(mount(), "file"))), 2u);
}

TEST_F(Nfs, StrangersAreTold) {
  const Handle file = find("file");
  peer = {192, 0, 2, 1};
  EXPECT_EQ(status(udp(mount_call("/"))), 13u);
  EXPECT_EQ(status(tcp(mount_call("/"))), 13u);
  EXPECT_TRUE(udp(nfs(1, file)).empty());
  EXPECT_TRUE(tcp(nfs(1, file)).empty());
  EXPECT_EQ(last.kind, Answer::Kind::malformed);
}

// Every procedure's arguments are as long as they are, so a call without its record mark is cut where it ends.
TEST_F(Nfs, CallsSayHowLongTheyAre) {
  const Handle file{1, 2};
  const auto name = [](XdrWriter& out) { out.string("name"); };
  const auto attributes = [](XdrWriter& out) {
    for (const std::uint32_t value : {1u, 0644u, 0u, 1u, 5u, 1u, 0u, 9u, 2u, 3u, 4u, 1u}) out.u32(value);
  };
  const auto numbers = [](std::size_t count) {
    return [count](XdrWriter& out) {
      for (std::size_t i = 0; i < count; ++i) out.u32(0);
    };
  };
  const auto handle = [&](XdrWriter& out) { write_handle(out, file); };
  using Part = std::function<void(XdrWriter&)>;
  const std::vector<std::vector<Part>> calls = {
      {},
      {handle},
      {handle, attributes, numbers(1)},
      {handle, name},
      {handle, numbers(1)},
      {handle},
      {handle, numbers(3)},
      {handle, numbers(4), name},
      {handle, name, numbers(1), attributes},
      {handle, name, attributes},
      {handle, name, attributes, name},
      {handle, name, [](XdrWriter& out) { out.u32(3); }, attributes, numbers(2)},
      {handle, name},
      {handle, name},
      {handle, name, handle, name},
      {handle, handle, name},
      {handle, numbers(5)},
      {handle, numbers(6)},
      {handle},
      {handle},
      {handle},
      {handle, numbers(3)}};
  ASSERT_EQ(calls.size(), 22u);
  for (std::uint32_t procedure = 0; procedure < calls.size(); ++procedure) {
    const Wire message = call(kNfsProgram, procedure, [&](XdrWriter& out) {
      for (const Part& part : calls[procedure]) part(out);
    });
    Wire stream = message;
    stream.insert(stream.end(), 8, 0x55);
    const Framed framed = service->next_request(stream, true);
    EXPECT_EQ(framed.kind, Framed::Kind::complete) << procedure;
    EXPECT_EQ(framed.consumed, message.size()) << procedure;
    const Framed cut = service->next_request(Bytes(message).first(message.size() - 1), true);
    EXPECT_EQ(cut.kind, Framed::Kind::incomplete) << procedure;
  }
  EXPECT_EQ(service->next_request(call(kNfsProgram, 22, [](XdrWriter&) {}), true).kind, Framed::Kind::malformed);
}

}  // namespace
}  // namespace gl::nfs
