#include "lib/control/metrics/server.h"

#include <microhttpd.h>

#include <exception>
#include <string>
#include <string_view>

namespace gl::control {

namespace {

constexpr unsigned kConnections = 16;
constexpr unsigned kConnectionsOfOne = 4;  // of one client address: the others have room left
constexpr unsigned kIdleSeconds = 20;      // a connection that neither sends nor takes anything is closed

struct Reply {
  unsigned status;
  std::string body;
  const char* type = "text/plain; charset=utf-8";
};

Reply reply_to(std::string_view method, std::string_view path, MetricsServer::Asked& asked) {
  const bool health = path == "/health";
  if (!health && path != "/metrics") return {MHD_HTTP_NOT_FOUND, "/metrics and /health are here, nothing else\n"};
  if (method != "GET" && method != "HEAD") return {MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n"};
  if (!health) return {MHD_HTTP_OK, asked.exporter.text(), "text/plain; version=0.0.4; charset=utf-8"};
  if (asked.draining.load(std::memory_order_relaxed)) return {MHD_HTTP_SERVICE_UNAVAILABLE, "draining\n"};
  return {MHD_HTTP_OK, "serving\n"};
}

MHD_Result send(MHD_Connection* connection, const Reply& reply) {
  // MHD_RESPMEM_MUST_COPY: it only reads what it is given.
  MHD_Response* const response = MHD_create_response_from_buffer(
      reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);  // NOLINT
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.type);
  if (reply.status == MHD_HTTP_METHOD_NOT_ALLOWED)
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  const MHD_Result result = MHD_queue_response(connection, reply.status, response);
  MHD_destroy_response(response);
  return result;
}

// Once when the header is there, which is when the answer is given: a body is not waited for.
MHD_Result on_request(void* asked, MHD_Connection* connection, const char* path, const char* method, const char*,
                      const char*, std::size_t*, void**) noexcept {
  try {
    return send(connection, reply_to(method, path, *static_cast<MetricsServer::Asked*>(asked)));
  } catch (const std::exception&) {  // no memory: the connection ends
    return MHD_NO;
  }
}

}  // namespace

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(Listener listener, const Exporter& exporter,
                                                            const std::atomic<bool>& draining) {
  std::unique_ptr<MetricsServer> server(new MetricsServer(exporter, draining));
  const int descriptor = listener.release();
  server->daemon_ =
      MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, nullptr, nullptr, on_request, &server->asked_,  //
                       MHD_OPTION_LISTEN_SOCKET, descriptor, MHD_OPTION_CONNECTION_LIMIT, kConnections,
                       MHD_OPTION_PER_IP_CONNECTION_LIMIT, kConnectionsOfOne, MHD_OPTION_CONNECTION_TIMEOUT,
                       kIdleSeconds, MHD_OPTION_END);
  if (server->daemon_ == nullptr) return Error{"--metrics: the HTTP server does not start"};
  return Result<std::unique_ptr<MetricsServer>>(std::move(server));
}

MetricsServer::~MetricsServer() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

}  // namespace gl::control
