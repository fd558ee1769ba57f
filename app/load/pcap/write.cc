#include "app/load/pcap/write.h"

#include <cstdio>
#include <ctime>
#include <string>

#include "app/load/pcap/blind_flows.h"

namespace gl::load {
namespace {

std::string time_text(std::uint64_t unix_time) {
  const auto seconds = static_cast<std::time_t>(unix_time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

unsigned long long wide(std::uint64_t number) {
  return number;
}

template <class Each>
void for_each_verdict(const PcapTally& tally, Each&& each) {
  for (std::size_t i = 0; i < tally.verdicts.size(); ++i) {
    if (tally.verdicts[i] != 0) each(std::string(datapath::kVerdictTexts[i].name), tally.verdicts[i]);
  }
}

void print_json(const Options& o, const PcapTally& tally, const Validity& valid) {
  std::printf("{\"flows\":%u,\"frames\":%llu,\"bytes\":%llu,\"replies\":%llu,", o.pcap.flows, wide(tally.frames),
              wide(tally.bytes), wide(tally.replies));
  if (o.pcap.frames.need_cookies()) {
    std::printf("\"valid_from\":%llu,\"valid_until\":%llu,", wide(valid.from), wide(valid.until));
  }
  std::printf("\"verdicts\":{");
  const char* separator = "";
  for_each_verdict(tally, [&separator](const std::string& name, std::uint64_t count) {
    std::printf("%s\"%s\":%llu", separator, name.c_str(), wide(count));
    separator = ",";
  });
  std::printf("}}\n");
}

void print_text(const Options& o, const PcapTally& tally, const Validity& valid) {
  std::printf("%s: %llu frames of %u flows, %llu bytes\n", o.pcap.file.c_str(), wide(tally.frames), o.pcap.flows,
              wide(tally.bytes));
  if (o.pcap.frames.need_cookies()) {
    std::printf("valid from %s until %s, for servers with this secret and --epoch %u\n", time_text(valid.from).c_str(),
                time_text(valid.until).c_str(), o.pcap.epoch_seconds);
  }
  std::printf("expected each time it is played: %llu frames in reply;", wide(tally.replies));
  for_each_verdict(
      tally, [](const std::string& name, std::uint64_t count) { std::printf(" %s %llu", name.c_str(), wide(count)); });
  std::printf("\n");
}

template <class Ip, bool kTimestamps>
Result<PcapTally> write_flows(const Options& o, const Queries& queries, ReferenceServer& server, std::uint64_t time) {
  auto file = PcapFile::create(o.pcap.file);
  if (!file) return Error{file.error()};
  const Link link{*o.source_mac, *o.target_mac};
  BlindFlows<Ip, kTimestamps> flows(o, queries, link, server, *file, time * 1'000'000'000);
  if (const Status written = flows.write(); !written) return Error{written.error()};
  if (const Status finished = file->finish(); !finished) return Error{finished.error()};
  return flows.tally();
}

template <class Ip>
Result<PcapTally> write_family(const Options& o, const Queries& queries, ReferenceServer& server, std::uint64_t time) {
  return o.timestamps ? write_flows<Ip, true>(o, queries, server, time)
                      : write_flows<Ip, false>(o, queries, server, time);
}

}  // namespace

Status write_pcap(const Options& o) {
  const auto queries = render(o);
  if (!queries) return Error{queries.error()};
  const std::uint64_t time = o.pcap.at.value_or(static_cast<std::uint64_t>(std::time(nullptr)));
  auto server = ReferenceServer::make(o, time);
  if (!server) return Error{server.error()};
  const auto tally =
      o.sources.v6 ? write_family<Ip6>(o, *queries, **server, time) : write_family<Ip4>(o, *queries, **server, time);
  if (!tally) return Error{tally.error()};
  (o.json ? print_json : print_text)(o, *tally, validity_at(time, o.pcap.epoch_seconds));
  return success();
}

}  // namespace gl::load
