// SPDX-License-Identifier: MIT
#include "memcgfs/interface/kernel_log.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "memcgfs/base/text_buffer.h"

namespace memcgfs::interface {
namespace {

constexpr std::size_t kLineMax = 1024;         // PRINTKRB_RECORD_MAX
constexpr std::size_t kHeaderBytes = 88 + 24;  // struct printk_info and the descriptor
constexpr unsigned kUserFacility = 1U << 3U;
constexpr unsigned kDefaultLevel = 4;
constexpr std::uint64_t kMicrosPerSecond = 1'000'000;

void print_escaped(std::string_view text, TextBuffer& out) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < ' ' || byte >= 127 || c == '\\') {
            out.print("\\x{:02x}", byte);
        } else {
            out.append({&c, 1});
        }
    }
}

}  // namespace

void KernelLog::push(Line line) {
    bytes_ += bytes_of(line);
    lines_.push_back(std::move(line));
    while (bytes_ > kBytes && lines_.size() > 1) {
        bytes_ -= bytes_of(lines_.front());
        lines_.pop_front();
        first_++;
    }
}

void KernelLog::append(unsigned priority, std::string_view text, LineEnd end) {
    const auto micros = static_cast<std::uint64_t>(clock_.now().count()) / 1000;
    std::vector<std::function<void()>> woken;
    {
        const MutexLock lock(mutex_);
        const bool shown = open_ || end == LineEnd::kClosed;
        if (open_) {
            push(*std::exchange(open_, std::nullopt));
        }
        Line line{priority, micros, std::string(text)};
        if (end == LineEnd::kClosed) {
            push(std::move(line));
        } else {
            open_ = std::move(line);
        }
        if (!shown) {
            return;
        }
        woken = std::exchange(waiting_, {});
    }
    for (const auto& logged : woken) {
        logged();
    }
    if (watcher_) {
        watcher_();
    }
}

Result<void> KernelLog::write(std::string_view text) {
    if (text.size() > kLineMax) {
        return Err(Errno::kEINVAL);
    }
    unsigned priority = kUserFacility | kDefaultLevel;
    if (text.starts_with('<')) {
        unsigned given = 0;
        const char* const end = text.data() + text.size();
        const auto [behind, error] = std::from_chars(text.data() + 1, end, given);
        if (error == std::errc{} && behind != end && *behind == '>') {
            priority = (given & ~7U) != 0 ? given : given | kUserFacility;
            text.remove_prefix(static_cast<std::size_t>(behind + 1 - text.data()));
        }
    }
    const bool closed = text.ends_with('\n');
    text.remove_suffix(closed ? 1 : 0);
    append(priority, text, closed ? LineEnd::kClosed : LineEnd::kOpen);
    return {};
}

KernelLog::Bounds KernelLog::bounds() const {
    const MutexLock lock(mutex_);
    return {first_, std::max(first_, cleared_), first_ + lines_.size()};
}

std::optional<std::string> KernelLog::record(std::uint64_t number) const {
    const MutexLock lock(mutex_);
    if (number < first_ || number - first_ >= lines_.size()) {
        return std::nullopt;
    }
    const Line& line = lines_[number - first_];
    TextBuffer out;
    out.print("{},{},{},-;", line.priority, number, line.micros);
    print_escaped(line.text, out);
    out.append("\n");
    return std::move(out).take();
}

std::string KernelLog::with_prefix(const Line& line) {
    TextBuffer out;
    std::string_view left = line.text;
    do {
        const std::size_t end = left.find('\n');
        out.print("<{}>[{:5}.{:06}] {}\n", line.priority, line.micros / kMicrosPerSecond,
                  line.micros % kMicrosPerSecond, left.substr(0, end));
        left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
    } while (!left.empty());
    return std::move(out).take();
}

std::size_t KernelLog::bytes_of(const Line& line) { return kHeaderBytes + line.text.size(); }

std::optional<std::string> KernelLog::read(std::size_t size) {
    const MutexLock lock(mutex_);
    if (unread_ < first_) {
        unread_ = first_;
        unread_offset_ = 0;
    }
    if (unread_ == first_ + lines_.size()) {
        return std::nullopt;
    }
    std::string out;
    for (; unread_ < first_ + lines_.size() && out.size() < size; unread_++) {
        const std::string line = with_prefix(lines_[unread_ - first_]).substr(unread_offset_);
        if (out.size() + line.size() > size) {
            if (out.empty()) {  // a part of it, if nothing else fits
                out = line.substr(0, size);
                unread_offset_ += size;
            }
            break;
        }
        out += line;
        unread_offset_ = 0;
    }
    return out;
}

std::string KernelLog::read_all(std::size_t size) const {
    const MutexLock lock(mutex_);
    std::string out;
    std::vector<std::string> last;
    const std::uint64_t begin = std::max(first_, cleared_);
    for (std::uint64_t number = first_ + lines_.size(); number > begin; number--) {
        std::string line = with_prefix(lines_[number - 1 - first_]);
        if (line.size() > size) {
            break;
        }
        size -= line.size();
        last.push_back(std::move(line));
    }
    for (auto line = last.rbegin(); line != last.rend(); ++line) {
        out += *line;
    }
    return out;
}

void KernelLog::clear() {
    const MutexLock lock(mutex_);
    cleared_ = first_ + lines_.size();
}

std::size_t KernelLog::unread_bytes() const {
    const MutexLock lock(mutex_);
    std::size_t bytes = 0;
    for (std::uint64_t number = std::max(unread_, first_); number < first_ + lines_.size();
         number++) {
        bytes += with_prefix(lines_[number - first_]).size();
    }
    return bytes - (unread_ >= first_ ? unread_offset_ : 0);
}

void KernelLog::when_logged(std::function<void()> logged) {
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(logged));
}

}  // namespace memcgfs::interface
