// SPDX-License-Identifier: MIT
#include "memcgfs/fuse/files_session.h"

#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>

#include "fuse/files_adapter.h"
#include "fuse/server.h"

namespace memcgfs::fuse {

namespace {

/// Requests of this size are the fastest: what one brings stays in the processor's cache.
constexpr unsigned kRequestBytes = 128 * 1024;

/// Names of the protocol that older headers lack.
constexpr std::uint32_t kOpTmpfile = 51;                 // FUSE_TMPFILE, 7.37
constexpr std::uint32_t kInitExt = 1U << 30U;            // FUSE_INIT_EXT, 7.36
constexpr std::uint32_t kDirectIoAllowMmap2 = 1U << 4U;  // FUSE_DIRECT_IO_ALLOW_MMAP >> 32, 7.39

void init(void* /*user_data*/, fuse_conn_info* connection) {
    connection->max_write = kRequestBytes;
    connection->max_readahead = 0;  // a page fault makes one page, as in tmpfs
    connection->time_gran = 1;
    // Pages are the kernel's for mappings alone, and their contents change only by writes.
    connection->want &=
        ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
                               FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_HANDLE_KILLPRIV |
                               FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_WRITEBACK_CACHE);
}

}  // namespace

/// libfuse 3.14 knows neither O_TMPFILE nor shared mappings with direct I/O; both are a matter of a
/// few bits on the way to it and from it.
struct FilesSession::State : FilesAdapter {
    State(files::FileSystem& the_fs, OperationRunner& runner, PendingRequests::Ends ends)
        : FilesAdapter(the_fs, runner, std::move(ends)) {}
    ~State() {
        pending.interrupt_all_and_wait();
        if (session != nullptr) {
            fuse_session_destroy(session);
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    /// A request for a file without a name is create's, but for the number.
    void look(const fuse_buf& buffer) {
        auto* const header = static_cast<fuse_in_header*>(buffer.mem);
        if (header->opcode == kOpTmpfile) {
            header->opcode = FUSE_CREATE;
        } else if (header->opcode == FUSE_INIT &&
                   buffer.size >= sizeof(*header) + sizeof(fuse_init_in)) {
            const auto* const wanted = reinterpret_cast<const fuse_init_in*>(header + 1);
            init_request = header->unique;
            offers_mmap =
                (wanted->flags & kInitExt) != 0 && (wanted->flags2 & kDirectIoAllowMmap2) != 0;
        }
    }

    static ssize_t write_reply(int file, iovec* parts, int count, void* self) {
        auto& state = static_cast<State&>(*static_cast<FilesAdapter*>(self));
        const auto* const header = static_cast<const fuse_out_header*>(parts[0].iov_base);
        if (state.offers_mmap && count > 1 && header->unique == state.init_request &&
            parts[1].iov_len >= sizeof(fuse_init_out)) {
            auto* const reply = static_cast<fuse_init_out*>(parts[1].iov_base);
            reply->flags |= kInitExt;
            reply->flags2 |= kDirectIoAllowMmap2;
            state.offers_mmap = false;
        }
        return writev(file, parts, count);
    }
    static ssize_t read_request(int file, void* buffer, std::size_t size, void* /*self*/) {
        return ::read(file, buffer, size);
    }

    fuse_session* session = nullptr;
    std::uint64_t init_request = 0;
    bool offers_mmap = false;  ///< until it has been accepted
    Server server{[this](const fuse_buf& buffer) { look(buffer); }};
};

FilesSession::FilesSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
FilesSession::~FilesSession() = default;

Result<std::unique_ptr<FilesSession>, std::string> FilesSession::attach(
    int fuse_fd, files::FileSystem& fs, OperationRunner& runner,
    std::function<bool(std::int32_t)> has_fatal_signal) {
    auto state = std::make_unique<State>(fs, runner, std::move(has_fatal_signal));
    std::string name = "memcgfs";
    std::array<char*, 2> arguments = {name.data(), nullptr};
    fuse_args args = FUSE_ARGS_INIT(1, arguments.data());
    fuse_lowlevel_ops ops{};
    ops.init = init;
    add_files_name_ops(ops);
    add_files_data_ops(ops);
    state->session =
        fuse_session_new(&args, &ops, sizeof(ops), static_cast<FilesAdapter*>(state.get()));
    fuse_opt_free_args(&args);
    const fuse_custom_io io{State::write_reply, State::read_request, nullptr, nullptr};
    if (state->session == nullptr || fuse_session_custom_io(state->session, &io, fuse_fd) != 0) {
        ::close(fuse_fd);
        return Failed<std::string>{"libfuse refuses to start a session"};
    }
    return std::unique_ptr<FilesSession>(new FilesSession(std::move(state)));
}

Result<void, std::string> FilesSession::run() { return state_->server.run(state_->session); }

void FilesSession::stop() { state_->server.stop(); }

}  // namespace memcgfs::fuse
