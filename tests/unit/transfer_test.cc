// Pieces of zone transfers: text of records, TSIG against vectors of other makers, streams of messages, catalogs.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/endian.h"
#include "lib/dns/types.h"
#include "lib/transfer/catalog.h"
#include "lib/transfer/differences.h"
#include "lib/transfer/queries.h"
#include "lib/transfer/record_text.h"
#include "lib/transfer/sockets.h"
#include "lib/transfer/tsig.h"
#include "lib/transfer/xfr_reader.h"
#include "lib/transfer/zone_file.h"
#include "lib/transfer/zone_stream.h"
#include "lib/zone/compiler_process.h"
#include "lib/zone/name_text.h"

namespace gl::transfer {
namespace {

std::string wire(const std::string& text) {
  const auto name = zone::name_from_text(text);
  return {name->begin(), name->end()};
}
Record record(const std::string& owner, std::uint16_t type, std::string data, std::uint32_t ttl = 300) {
  return {wire(owner), type, dns::rr_class::in, ttl, std::move(data)};
}
Record soa(std::uint32_t serial) {
  return soa_of_serial(wire("a.example."), serial);
}
Record txt(const std::string& owner, const std::string& text) {
  return record(owner, dns::rr::txt, std::string(1, static_cast<char>(text.size())) + text);
}

TEST(TransferText, WhatIsWrittenIsRead) {
  Record odd = txt("a.example.", "x");
  odd.owner = std::string("\3\0.\\\1 \0", 7);
  for (const Record& r :
       {soa(7), odd, record(".", 65280, ""), record("A-b_c.*.example.", 16, std::string(300, '\xff'))}) {
    std::string text;
    append_line(text, r);
    Record back;
    ASSERT_TRUE(parse_line(std::string_view(text).substr(0, text.size() - 1), back)) << text;
    EXPECT_EQ(back.owner, r.owner);
    EXPECT_EQ(back.data, r.data);
    EXPECT_EQ(back.type, r.type);
    EXPECT_EQ(back.ttl, r.ttl);
  }
}

TEST(TransferText, AnythingElseIsNot) {
  Record r;
  for (const char* const line :
       {"", "a. 1 IN TYPE1", "a 1 IN TYPE1 \\# 0", "a..b. 1 IN TYPE1 \\# 0", "a. 1 IN A 192.0.2.1",
        "a. 1 IN TYPE1 \\# 2 ff", "a. 1 IN TYPE1 \\# 1 fg", "a. 1 CH TYPE1 \\# 0", "a. 4294967296 IN TYPE1 \\# 0",
        "\\256. 1 IN TYPE1 \\# 0", "a\\. 1 IN TYPE1 \\# 0", "a. 1 IN TYPE0 \\# 0", "a. 1 IN TYPE65536 \\# 0"}) {
    EXPECT_FALSE(parse_line(line, r)) << line;
  }
}

TsigKeys keys_of(const std::string& text) {
  const auto keys = parse_tsig_keys(text, "keys");
  EXPECT_TRUE(keys) << keys.error();
  return keys ? *keys : TsigKeys{};
}

TEST(TsigKeys, BothShapes) {
  const TsigKeys keys = keys_of(
      "# a comment\nkey \"One.\" {\n\talgorithm hmac-sha512;\n\tsecret \"AAECAw==\";\n};\n"
      "hmac-sha1:two:AAEC\nthree.example:AA== // the default\n");
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(keys[0].algorithm, TsigAlgorithm::sha512);
  EXPECT_EQ(keys[0].secret, (std::vector<std::uint8_t>{0, 1, 2, 3}));
  EXPECT_EQ(keys[1].algorithm, TsigAlgorithm::sha1);
  EXPECT_EQ(keys[2].algorithm, TsigAlgorithm::sha256);
  EXPECT_NE(find_key(keys, zone::as_bytes(wire("ONE"))), nullptr);
}

TEST(TsigKeys, ErrorsSayWhere) {
  for (const auto& [text, error] : {std::pair{"", "holds no key"},
                                    {"\n\nnothing", "keys:3: neither"},
                                    {"a:%%%", "keys:1: the secret is not base64"},
                                    {"md5:a:AA==", "'md5' is none of"},
                                    {"key a { secret AA==; }; a:AA==", "stands before it"},
                                    {"key a { colour red; };", "not `key"},
                                    {"key a { secret", "not `key"}}) {
    const auto keys = parse_tsig_keys(text, "keys");
    ASSERT_FALSE(keys) << text;
    EXPECT_NE(keys.error().find(error), std::string::npos) << keys.error();
  }
}

class TsigTest : public testing::TestWithParam<const char*> {
 protected:
  const TsigKeys keys_ = keys_of(std::string(GetParam()) + ":k.example:c2VjcmV0");
  const Message bare_ = make_question(wire("a.example."), dns::rr::axfr);
};

TEST_P(TsigTest, RequestAndAnswersOfSeveralMessages) {
  Message query = bare_;
  const Mac mac = sign_query(query, keys_[0], 1000);
  const CheckedRequest request = check_request(query, keys_, 1200);
  EXPECT_TRUE(request.is_signed && request.error == TsigError::none && !request.malformed);
  EXPECT_EQ(request.length, bare_.size());
  AnswerSigner signer(request);
  AnswerChecker checker(keys_[0], mac);
  for (unsigned i = 0; i < 4; ++i) {
    Message answer = begin_answer(query, 0, true);
    if (i != 2) signer.sign(answer, 1200);
    // The one that is not signed counts in the next signature: so it is signed here by hand only if it is told.
    if (i == 2) continue;
    EXPECT_TRUE(checker.take(answer, 1200)) << i;
    EXPECT_TRUE(checker.is_complete());
  }
  Message answer = begin_answer(query, 0, true);
  EXPECT_TRUE(checker.take(answer, 1200));
  EXPECT_FALSE(checker.is_complete()) << "the last has to be signed";
}

TEST_P(TsigTest, WhatIsWrongIsTold) {
  Message query = bare_;
  (void)sign_query(query, keys_[0], 1000);
  EXPECT_EQ(check_request(query, keys_, 1301).error, TsigError::bad_time);
  EXPECT_EQ(check_request(query, {}, 1000).error, TsigError::bad_key);
  Message other = query;
  other[13] ^= 1;
  EXPECT_EQ(check_request(other, keys_, 1000).error, TsigError::bad_signature);
  for (std::size_t cut = 1; cut < query.size() - bare_.size(); ++cut) {
    EXPECT_TRUE(check_request(Bytes(query).first(query.size() - cut), keys_, 1000).malformed) << cut;
  }
  Message twice = query;
  twice.insert(twice.end(), query.begin() + static_cast<std::ptrdiff_t>(bare_.size()), query.end());
  twice[11] = 2;
  EXPECT_TRUE(check_request(twice, keys_, 1000).malformed);
}

TEST_P(TsigTest, AnAnswerToAnotherRequestIsRefused) {
  Message query = bare_;
  const Mac mac = sign_query(query, keys_[0], 1000);
  Message answer = begin_answer(query, 0, true);
  AnswerSigner(check_request(query, keys_, 1000)).sign(answer, 1000);
  EXPECT_TRUE(AnswerChecker(keys_[0], mac).take(answer, 1000));
  EXPECT_FALSE(AnswerChecker(keys_[0], Mac(mac.size(), 0)).take(answer, 1000));
  EXPECT_FALSE(AnswerChecker(keys_[0], mac).take(answer, 1400)) << "too late";
  EXPECT_FALSE(AnswerChecker(keys_[0], mac).take(begin_answer(query, 0, true), 1000)) << "not signed";
}

INSTANTIATE_TEST_SUITE_P(Algorithms, TsigTest,
                         testing::Values("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"));

// Up to 99 messages between two signatures (RFC 8945 section 5.3.1), each under the next one.
TEST(Tsig, MessagesBetween) {
  const TsigKeys keys = keys_of("k:c2VjcmV0");
  Message query = make_question(wire("a.example."), dns::rr::axfr);
  const Mac mac = sign_query(query, keys[0], 1000);
  AnswerChecker checker(keys[0], mac);
  EXPECT_FALSE(checker.take(begin_answer(query, 0, true), 1000)) << "the first is signed";
  Message first = begin_answer(query, 0, true);
  AnswerSigner(check_request(query, keys, 1000)).sign(first, 1000);
  AnswerChecker many(keys[0], mac);
  ASSERT_TRUE(many.take(first, 1000));
  for (int i = 0; i < 99; ++i) ASSERT_TRUE(many.take(begin_answer(query, 0, true), 1000));
  EXPECT_FALSE(many.take(begin_answer(query, 0, true), 1000));
}

// Names are compressed as the packer does it, and read as they were.
TEST(TransferStream, WhatIsPackedIsRead) {
  const Message query = make_question(wire("a.example."), dns::rr::axfr);
  const std::vector<Record> zone = {soa(1), txt("a.example.", "apex"), txt("x.y.a.example.", "1"),
                                    txt("x.y.a.example.", "2"), txt("z.a.example.", std::string(250, 'z'))};
  MessagePacker packer(query, wire("a.example."));
  for (const Record& r : zone) ASSERT_TRUE(packer.add(r));
  ASSERT_TRUE(packer.add(soa(1)));
  std::vector<Record> read;
  XfrReader reader(wire("a.example."), std::nullopt, 100);
  ASSERT_TRUE(reader.take(packer.take(), [&](XfrReader::Part, const Record& r) {
    read.push_back(r);
    return success();
  }));
  EXPECT_TRUE(reader.is_done() && !reader.is_incremental());
  ASSERT_EQ(read.size(), zone.size());
  for (std::size_t i = 0; i < zone.size(); ++i) EXPECT_EQ(read[i].owner + read[i].data, zone[i].owner + zone[i].data);
}

class DifferencesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_);
    ZoneWriter writer(path_, 1 << 20);
    for (const Record& r : {soa(1), txt("a.example.", "old"), txt("B.a.example.", "stays")}) ASSERT_TRUE(writer.add(r));
    ASSERT_TRUE(writer.finish());
    ASSERT_TRUE(writer.commit());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::vector<std::string> owners() {
    std::vector<std::string> found;
    RecordReader reader(path_);
    for (Record r; reader.next(r);) found.push_back(zone::to_text(r.owner) + std::to_string(r.type));
    return found;
  }

  const std::string folder_ = testing::TempDir() + "/gl_differences_" + std::to_string(getpid());
  const std::string path_ = folder_ + "/zone";
};

TEST_F(DifferencesTest, AppliedWithoutRegardForCase) {
  Differences differences(1 << 20);
  ASSERT_TRUE(differences.remove(soa(1)));
  ASSERT_TRUE(differences.remove(txt("A.EXAMPLE.", "old")));
  ASSERT_TRUE(differences.add(soa(2)));
  ASSERT_TRUE(differences.add(txt("new.a.example.", "n")));
  ZoneWriter writer(path_, 1 << 20);
  ASSERT_TRUE(differences.apply(path_, soa(2), writer));
  ASSERT_TRUE(writer.commit());
  EXPECT_EQ(owners(), (std::vector<std::string>{"a.example.6", "b.a.example.16", "new.a.example.16"}));
  EXPECT_EQ(read_kept(path_)->soa.serial, 2U);
}

TEST_F(DifferencesTest, WhatDoesNotFitIsRefused) {
  Differences gone(1 << 20);
  ASSERT_TRUE(gone.remove(txt("never.a.example.", "x")));
  ZoneWriter writer(path_, 1 << 20);
  EXPECT_FALSE(gone.apply(path_, soa(2), writer));
  Differences twice(1 << 20);
  ASSERT_TRUE(twice.add(txt("x.a.example.", "x")));
  EXPECT_FALSE(twice.add(txt("x.a.example.", "x")));
  Differences large(1000);
  Status status = success();
  for (int i = 0; status && i < 10; ++i) status = large.add(txt(std::to_string(i) + ".a.example.", "x"));
  EXPECT_FALSE(status);
  EXPECT_EQ(owners().size(), 3U) << "the kept zone is as it was";
}

TEST(TransferFiles, NamesOfFiles) {
  EXPECT_EQ(kept_path("/d", wire("Example.ORG.")), "/d/example.org.zone");
  EXPECT_EQ(kept_path("/d", wire(".")), "/d/@.zone");
  EXPECT_EQ(kept_path("/d", wire("a/b\\..example.")), "/d/a%047b%046.example.zone");
  const std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".";
  EXPECT_LT(kept_path("", wire(longest)).size(), 250U);
  EXPECT_NE(kept_path("", wire(longest)), kept_path("", wire("x." + longest)));
}

TEST(TransferFiles, WhatWasInterruptedIsRemovedAndNothingElse) {
  const auto folder = std::filesystem::temp_directory_path() / ("interrupted" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  for (const char* name : {"a.zone", "a.zone.new.0", "@.zone.new.17", "a.zone.new.", "a.zone.new.1x", "a.new.1"}) {
    std::ofstream(folder / name) << "x";
  }
  remove_interrupted(folder);
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) left.push_back(entry.path().filename());
  std::ranges::sort(left);
  EXPECT_EQ(left, (std::vector<std::string>{"a.new.1", "a.zone", "a.zone.new.", "a.zone.new.1x"}));
  std::filesystem::remove_all(folder);
}

// Of one zone two may be written at once: none gets in the other's way.
TEST(TransferFiles, EachWriterHasAFileOfItsOwn) {
  const auto path = std::filesystem::temp_directory_path() / ("two" + std::to_string(getpid()) + ".zone");
  ZoneWriter first(path, 1 << 20);
  {
    ZoneWriter second(path, 1 << 20);
    EXPECT_NE(first.aside(), second.aside());
    ASSERT_TRUE(second.add(soa(2)));
    ASSERT_TRUE(second.finish());
  }
  ASSERT_TRUE(first.add(soa(1)));
  ASSERT_TRUE(first.finish());
  ASSERT_TRUE(first.commit());
  EXPECT_EQ(read_kept(path)->soa.serial, 1U);
  std::filesystem::remove(path);
}

TEST(Serials, Rfc1982) {
  EXPECT_TRUE(is_newer(2, 1) && is_newer(0, 0xffffffff) && is_newer(0x80000000, 1));
  EXPECT_FALSE(is_newer(1, 1) || is_newer(1, 2) || is_newer(0xffffffff, 0));
}

TEST(TransferStream, AMessageThatTricklesIsGivenUp) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  const Descriptor client(ends[0]);
  const Stop stop{false};
  Stream stream(stop, Clock::now() + std::chrono::seconds(20), std::chrono::milliseconds(2000));
  stream.take(ends[1]);
  Message message;
  const std::array<std::uint8_t, 5> whole = {0, 3, 'a', 'b', 'c'};
  ASSERT_EQ(send(client.get(), whole.data(), whole.size(), 0), 5);
  ASSERT_TRUE(stream.receive(message, Clock::now() + std::chrono::milliseconds(200)).ok());
  EXPECT_EQ(message, (Message{'a', 'b', 'c'}));
  std::atomic<bool> done{false};
  std::thread trickle([&] {
    for (const std::uint8_t byte = 1; !done; std::this_thread::sleep_for(std::chrono::milliseconds(20))) {
      (void)send(client.get(), &byte, 1, MSG_NOSIGNAL);
    }
  });
  const auto begin = Clock::now();
  const Status status = stream.receive(message, begin + std::chrono::milliseconds(300));
  done = true;
  trickle.join();
  EXPECT_EQ(status.error(), "it took too long");
  EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(1500));
}

TEST(TransferRecords, AProgramThatSaysNothingIsGivenUp) {
  const std::string path = testing::TempDir() + "goldilocks_fifo_" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const Descriptor writer(open(path.c_str(), O_RDWR | O_CLOEXEC));
  zone::RecordsProcess process;
  ASSERT_TRUE(process.start({path, "a."}).ok());
  RecordReader reader(process.open_output());
  std::atomic<bool> done{false};
  std::thread reading([&] {
    Record none;
    EXPECT_FALSE(reader.next(none));
    done = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_FALSE(done);
  {
    const zone::CompilingGivenUp given_up;
    reading.join();
  }
  EXPECT_TRUE(reader.failed());
  unlink(path.c_str());
}

TEST(TransferRecords, AreReadFromAProgram) {
  const std::string path = testing::TempDir() + "goldilocks_text_" + std::to_string(getpid());
  std::ofstream(path) << "@ 300 SOA ns h 1 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.1\n";
  zone::RecordsProcess process;
  ASSERT_TRUE(process.start({path, "a."}).ok());
  RecordReader reader(process.open_output());
  std::vector<std::uint16_t> types;
  for (Record r; reader.next(r);) types.push_back(r.type);
  EXPECT_EQ(types, (std::vector<std::uint16_t>{dns::rr::soa, 2, 1}));
  EXPECT_FALSE(reader.failed());
  EXPECT_TRUE(process.ended_well());
  unlink(path.c_str());
}

}  // namespace
}  // namespace gl::transfer
