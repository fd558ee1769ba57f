// NFS and MOUNT: records cut out of a stream, and their replies over both transports, of a small tree.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lib/services/nfs/service.h"
#include "tests/fuzz/rpc_checks.h"

namespace {

using namespace gl::nfs;
using gl::Bytes;
using gl::fuzz::check;
namespace fs = std::filesystem;

constexpr std::array<std::uint8_t, 16> kAddress = {10, 0, 0, 1};
constexpr std::array<std::uint8_t, 16> kAnother = {10, 0, 0, 2};

// Made once, and read into memory; the directory is gone by the time that the first input comes.
struct World {
  World() {
    std::string name = (fs::temp_directory_path() / "gl-fuzz-nfs-XXXXXX").string();
    check(mkdtemp(name.data()) != nullptr, "a directory can be made");
    fs::create_directories(fs::path(name) / "dir");
    std::ofstream(fs::path(name) / "file") << std::string(5000, 'x');
    std::ofstream(fs::path(name) / "dir" / std::string(255, 'n')) << "y";
    fs::create_symlink("file", fs::path(name) / "link");
    store.emplace(
        std::vector<gl::files::Directory>{{name, false, false, "/"}}, std::size_t{1} << 20, 10u, [] {},
        gl::files::TreeKey{1});
    check(store->load(0).ok(), "it can be read");
    fs::remove_all(name);
    shared.allowed = gl::private_networks();
    shared.exports.list = {{"/", "/srv", 0}};
    shared.exports.groups = {"10.0.0.0/8"};
    root = store->current()->tree(0)->root;
  }
  std::optional<gl::files::FileStore> store;
  NfsService::Shared shared;
  const gl::files::Node* root = nullptr;
};

// Handles in the input name nodes by a small number: nobody guesses those of the key.
void put_handles(std::vector<std::uint8_t>& input, const World& world, std::uint64_t proof) {
  const auto& nodes = world.store->current()->tree(0)->nodes;
  for (std::size_t at = 0; at + kHandleSize <= input.size(); ++at) {
    if (gl::load_be<std::uint32_t>(input.data() + at) != kHandleMark) continue;
    const std::size_t which = input[at + 4];
    if (which < nodes.size()) gl::store_be(input.data() + at + 4, nodes[which].number);
    if ((input[at + 12] & 1) != 0) gl::store_be(input.data() + at + 12, proof);
    at += kHandleSize - 1;
  }
}

bool names_proof(Bytes message, std::uint64_t proof) {
  for (std::size_t at = 0; at + 8 <= message.size(); at += 4) {
    if (gl::load_be<std::uint64_t>(message.data() + at) == proof) return true;
  }
  return false;
}

void check_udp(NfsService& service, const World& world, Bytes message, const std::uint8_t* from) {
  gl::fuzz::FirstDatagram sink(service.allowance(message.size()));
  gl::Datagram datagram{.peer = from, .local = kAddress.data(), .address_length = 4};
  datagram.peer_port = 700;
  datagram.local_port = kNfsPort;
  datagram.payload = message;
  service.receive(datagram, sink);
  const bool proven = names_proof(message, world.shared.proofs.of(Bytes(from, 4)));
  check(proven || sink.sent().size() <= 3 * message.size(), "no more than three times what came");
  gl::fuzz::check_rpc_reply(message, sink.sent());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const World world;
  const gl::Registry registry;
  NfsService service(world.shared, world.store->published(), registry);
  service.begin_burst(0);
  std::vector<std::uint8_t> copy(data + 1, data + size);
  put_handles(copy, world, world.shared.proofs.of(Bytes(kAddress.data(), 4)));
  check_udp(service, world, copy, kAddress.data());
  check_udp(service, world, copy, kAnother.data());
  gl::fuzz::check_rpc_stream(service, copy, (data[0] & 1) != 0, Bytes(kAddress.data(), 4));
  return 0;
}
