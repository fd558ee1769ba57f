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
#include "tests/fuzz/check.h"

namespace {

using namespace gl::nfs;
using gl::Answer;
using gl::Bytes;
using gl::Framed;
using gl::fuzz::check;
namespace fs = std::filesystem;

constexpr std::array<std::uint8_t, 16> kAddress = {10, 0, 0, 1};
constexpr std::array<std::uint8_t, 16> kAnother = {10, 0, 0, 2};
constexpr std::size_t kRoom = 1472;

class Sink final : public gl::DatagramSink {
 public:
  explicit Sink(std::size_t allowance) : DatagramSink(room_, allowance) {}
  [[nodiscard]] Bytes sent() const { return Bytes(room_).first(sent_one() ? first_length() : 0); }

 private:
  gl::MutableBytes further_room() noexcept override { return {}; }
  bool send_further(std::uint16_t, std::size_t) noexcept override { return false; }
  bool refuse() noexcept override { return false; }
  std::array<std::uint8_t, kRoom> room_{};
};

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

void check_reply(Bytes message, Bytes reply) {
  if (reply.empty()) return;
  check(reply.size() % 4 == 0 && reply.size() >= 20, "a reply is whole words");
  check(std::equal(reply.begin(), reply.begin() + 4, message.begin()), "a reply has its call's number");
  check(gl::load_be<std::uint32_t>(reply.data() + 4) == 1, "a reply is one");
}

bool names_proof(Bytes message, std::uint64_t proof) {
  for (std::size_t at = 0; at + 8 <= message.size(); at += 4) {
    if (gl::load_be<std::uint64_t>(message.data() + at) == proof) return true;
  }
  return false;
}

void check_udp(NfsService& service, const World& world, Bytes message, const std::uint8_t* from) {
  Sink sink(service.allowance(message.size()));
  gl::Datagram datagram{.peer = from, .local = kAddress.data(), .address_length = 4};
  datagram.peer_port = 700;
  datagram.local_port = kNfsPort;
  datagram.payload = message;
  service.receive(datagram, sink);
  const bool proven = names_proof(message, world.shared.proofs.of(Bytes(from, 4)));
  check(proven || sink.sent().size() <= 3 * message.size(), "no more than three times what came");
  check_reply(message, sink.sent());
}

void check_record(NfsService& service, Bytes request, std::vector<std::uint8_t>& buffer) {
  gl::RequestContext context;
  std::array<std::uint8_t, 12> flow{};
  std::copy_n(kAddress.begin(), 4, flow.begin());
  context.flow = flow;
  const Answer answer = service.answer(request, buffer, context);
  check(answer.kind == Answer::Kind::answered || answer.kind == Answer::Kind::silent, "a record is answered or not");
  if (answer.kind == Answer::Kind::silent) return;
  check(answer.length <= service.largest_answer(), "an answer is no longer than the service says");
  if (!answer.rendered) {
    check(service.read(answer, 0, gl::MutableBytes(buffer).first(answer.length)) == answer.length, "all is there");
  }
  check(gl::load_be<std::uint32_t>(buffer.data()) == (gl::onc_rpc::kLastFragment | (answer.length - 4)),
        "its mark is its length");
  check_reply(request, Bytes(buffer).subspan(4, answer.length - 4));
}

void check_pieces(const NfsService& service, Bytes stream, bool consumed, const Framed& framed) {
  check(framed.consumed > 0 && framed.consumed <= stream.size(), "a record lies in the stream");
  const Framed exact = service.next_request(stream.first(framed.consumed), consumed);
  check(exact.kind == Framed::Kind::complete && exact.consumed == framed.consumed,
        "it does not depend on what follows");
  check(service.next_request(stream.first(framed.consumed - 1), consumed).kind != Framed::Kind::complete,
        "a piece of a record is none");
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
  std::vector<std::uint8_t> buffer(gl::kMaxRenderedAnswer);
  bool consumed = (data[0] & 1) != 0;
  for (Bytes stream(copy); !stream.empty();) {
    const Framed framed = service.next_request(stream, consumed);
    if (framed.kind != Framed::Kind::complete) break;
    check_pieces(service, stream, consumed, framed);
    check_record(service, framed.request, buffer);
    stream = stream.subspan(framed.consumed);
    consumed = false;
  }
  return 0;
}
