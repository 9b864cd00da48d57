// SPDX-License-Identifier: MIT
#include "meter/socket_books.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

#include "memcgfs/engine/memcg.h"

namespace memcgfs::meter {

namespace {

/// Searches may take so small a part of a processor.
constexpr std::int64_t kTimesItself = 100;
constexpr std::int64_t kTimesItselfUnasked = 1000;
constexpr Nanos kShortest = from_millis(1);
constexpr Nanos kShortestUnasked = from_millis(1000);
constexpr Nanos kLongest = from_millis(10'000);
/// To go through all of TCP's table takes half a millisecond; to ask for one socket 5 us.
constexpr std::size_t kMostAsked = 100;
/// Whoever has made a socket is known by then: a process that nobody follows takes a while.
constexpr Nanos kPatience = from_millis(1000);

/// Of this thread.
Nanos processor_time() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return Nanos{now.tv_sec * 1'000'000'000 + now.tv_nsec};
}

}  // namespace

void SocketBooks::leave_out(pid_t pid) {
    const auto inodes = socket_inodes_of(pid);
    if (inodes.empty()) {
        return;
    }
    const MutexLock lock(looking_);
    left_out_.insert(inodes.begin(), inodes.end());
}

void SocketBooks::read(engine::CgroupId group) {
    std::vector<Due> dues;
    {
        const MutexLock lock(looking_);
        const bool search = parts_.clock.now() >= next_search_;
        if (!search && !concerns(group)) {
            return;
        }
        look(search);
        dues = balance();
    }
    pay(std::move(dues));
}

void SocketBooks::read_all() {
    std::vector<Due> dues;
    {
        const MutexLock lock(looking_);
        look(parts_.clock.now() >= next_search_);
        dues = balance();
    }
    pay(std::move(dues));
}

void SocketBooks::tick() {
    std::vector<Due> dues;
    {
        const MutexLock lock(looking_);
        if (parts_.clock.now() < next_tick_) {
            return;
        }
        const Nanos begun = processor_time();
        look(true);
        const Nanos rest = (processor_time() - begun) * kTimesItselfUnasked;
        next_tick_ = parts_.clock.now() + std::clamp(rest, kShortestUnasked, kLongest);
        dues = balance();
    }
    pay(std::move(dues));
}

/// Those that pay for sockets are in the group or below.
bool SocketBooks::concerns(engine::CgroupId group) {
    const MutexLock engine_lock(parts_.engine_mutex);
    return std::any_of(accounts_.begin(), accounts_.end(), [&](const auto& account) {
        const engine::Cgroup* level = parts_.engine.find(account.first);
        if (level == nullptr) {
            return true;  // its charges are with one above, nobody knows which
        }
        while (level != nullptr && level->id != group) {
            level = level->parent;
        }
        return level != nullptr;
    });
}

void SocketBooks::look(bool search) {
    const Nanos begun = processor_time();
    const auto pids = search ? parts_.watched() : std::vector<std::int32_t>{};
    if (pids.empty() && accounts_.empty()) {
        return;
    }
    if (!search && refresh()) {
        return;
    }
    if (search) {
        enter_spaces(pids);
    }
    for (const auto& [space, entry] : spaces_) {
        if (entry.table) {
            take_in(space, entry.table->list());
        }
    }
    if (search) {
        find_owners(pids);
        const Nanos rest = (processor_time() - begun) * kTimesItself;
        next_search_ = parts_.clock.now() + std::clamp(rest, kShortest, kLongest);
    }
}

bool SocketBooks::refresh() {
    std::map<Cookie, SocketTable::Socket> datagrams;
    std::set<NetNamespace> listed;
    std::size_t asked = 0;
    for (auto at = known_.begin(); at != known_.end();) {
        Socket& socket = at->second;
        const auto space = spaces_.find(socket.space);
        if (!socket.group || space == spaces_.end() || !space->second.table) {
            ++at;
            continue;
        }
        std::optional<SocketTable::Socket> now;
        if (socket.seen.is_tcp) {
            if (++asked > kMostAsked) {
                return false;
            }
            now = space->second.table->find(socket.seen);
        } else {
            if (listed.insert(socket.space).second) {
                const auto listing = space->second.table->list_udp();
                if (!listing.complete) {
                    return false;
                }
                for (const SocketTable::Socket& one : listing.sockets) {
                    datagrams[one.cookie] = one;
                }
            }
            const auto found = datagrams.find(at->first);
            now = found != datagrams.end() ? std::optional(found->second) : std::nullopt;
        }
        if (now) {
            socket.seen = *now;
        }
        at = now ? std::next(at) : known_.erase(at);
    }
    return true;
}

void SocketBooks::enter_spaces(const std::vector<std::int32_t>& pids) {
    for (auto& [space, entry] : spaces_) {
        entry.in_use = false;
    }
    for (const std::int32_t pid : pids) {
        const auto space = net_namespace_of(pid);
        if (!space) {
            continue;
        }
        const auto [at, is_new] = spaces_.try_emplace(*space);
        at->second.in_use = true;
        if (is_new) {
            at->second.table = SocketTable::open(pid);
        }
    }
    // Sockets that outlive those who were there have gone with the namespace, or soon will have.
    for (auto at = spaces_.begin(); at != spaces_.end();) {
        if (at->second.in_use) {
            ++at;
            continue;
        }
        std::erase_if(known_, [&](const auto& one) { return one.second.space == at->first; });
        std::erase_if(strays_, [&](const auto& one) { return one.second.space == at->first; });
        at = spaces_.erase(at);
    }
}

void SocketBooks::take_in(NetNamespace space, const SocketTable::Listing& listing) {
    std::set<Cookie> seen;
    for (const SocketTable::Socket& socket : listing.sockets) {
        seen.insert(socket.cookie);
        if (const auto known = known_.find(socket.cookie); known != known_.end()) {
            known->second.seen = socket;
            known->second.missed = false;
        } else if (left_out_.erase(socket.inode) > 0) {
            known_[socket.cookie] = {.space = space};
        } else if (socket.inode != 0) {
            const Nanos now = parts_.clock.now();
            auto& stray = strays_.try_emplace(socket.cookie, Stray{.since = now}).first->second;
            stray.seen = socket;
            stray.space = space;
        }
    }
    const auto gone = [&](const auto& one) {
        return one.second.space == space && !seen.contains(one.first);
    };
    std::erase_if(strays_, gone);
    for (auto at = known_.begin(); at != known_.end();) {
        const bool is_over =
            gone(*at) && (listing.complete || std::exchange(at->second.missed, true));
        at = is_over ? known_.erase(at) : std::next(at);
    }
}

void SocketBooks::find_owners(const std::vector<std::int32_t>& pids) {
    std::map<std::uint64_t, Cookie> wanted;
    for (const auto& [cookie, stray] : strays_) {
        wanted[stray.seen.inode] = cookie;
    }
    for (const std::int32_t pid : pids) {
        if (wanted.empty()) {
            break;
        }
        for (const std::uint64_t inode : socket_inodes_of(pid)) {
            const auto found = wanted.find(inode);
            if (found == wanted.end()) {
                continue;
            }
            const Stray& stray = strays_[found->second];
            known_[found->second] = {.group = payer(pid), .seen = stray.seen, .space = stray.space};
            strays_.erase(found->second);
            wanted.erase(found);
        }
    }
    const Nanos now = parts_.clock.now();
    std::erase_if(strays_, [&](const auto& one) {
        const bool is_foreign = now - one.second.since >= kPatience;
        if (is_foreign) {
            known_[one.first] = {.space = one.second.space};
        }
        return is_foreign;
    });
}

/// None in the root group and, in v1, before kmem.tcp.limit_in_bytes has been written: whoever is
/// there at that time stays so (tcpmem_active, 6.1).
engine::CgroupId SocketBooks::payer(pid_t pid) {
    const MutexLock engine_lock(parts_.engine_mutex);
    const engine::Hierarchy& hierarchy = parts_.engine.memory_hierarchy();
    const engine::Task* const task = parts_.engine.find_task_by_pid(pid);
    const engine::Cgroup* const group =
        task != nullptr ? parts_.engine.find(task->groups.in(hierarchy.id)) : nullptr;
    if (group == nullptr) {
        return {};
    }
    const engine::Memcg& memcg = parts_.engine.effective_memcg(*group);
    const bool pays = !memcg.is_root() && (group->is_v2() || memcg.tcp_accounted);
    return pays ? memcg.cgroup : engine::CgroupId{};
}

std::vector<SocketBooks::Due> SocketBooks::balance() {
    std::map<engine::CgroupId, std::uint64_t> goals;
    for (const auto& [cookie, socket] : known_) {
        if (socket.group) {
            goals[socket.group] += socket.seen.pages.count();
            accounts_.try_emplace(socket.group);
        }
    }
    std::vector<Due> dues;
    const MutexLock engine_lock(parts_.engine_mutex);
    for (auto at = accounts_.begin(); at != accounts_.end();) {
        Account& account = at->second;
        const auto found = goals.find(at->first);
        const std::uint64_t goal = found != goals.end() ? found->second : 0;
        std::uint64_t booked = account.pending;
        for (const Account::Charge& charge : account.charges) {
            booked += charge.pages;
        }
        if (booked > goal) {
            booked -= give_back(account, booked - goal);
        }
        const engine::Cgroup* const group = parts_.engine.find(at->first);
        if (goal > booked && group != nullptr) {
            const Pages pages{goal - booked};
            account.pending += pages.count();
            dues.push_back({at->first, pages.count(),
                            parts_.engine.allocate_kernel_memory(
                                parts_.engine.effective_memcg(*group), pages,
                                engine::ChargeClass::kAtomic, engine::KernelMemory::kSocket)});
        }
        const bool over = found == goals.end() && account.charges.empty() && account.pending == 0;
        at = over ? accounts_.erase(at) : std::next(at);
    }
    return dues;
}

/// Those `pages`, or a few more: what has been charged at one go goes at one go.
std::uint64_t SocketBooks::give_back(Account& account, std::uint64_t pages) {
    std::uint64_t given = 0;
    while (given < pages && !account.charges.empty()) {
        parts_.engine.free_kernel_memory(account.charges.back().object);
        given += account.charges.back().pages;
        account.charges.pop_back();
    }
    return given;
}

void SocketBooks::pay(std::vector<Due> dues) {
    for (Due& due : dues) {
        const auto charged = [this, group = due.group,
                              pages = due.pages](const OperationResult& result) {
            const MutexLock lock(looking_);
            Account& account = accounts_[group];
            account.pending -= pages;
            if (result.ok()) {
                account.charges.push_back({engine::KernelObjectId{*result}, pages});
            }
        };
        parts_.runner.run(std::move(due.operation), charged);
    }
}

}  // namespace memcgfs::meter
