// SPDX-License-Identifier: MIT
#include "cli/settler.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <utility>

namespace memcgfs::cli {

Settler::Settler(int descriptor, std::function<void()> settle)
    : stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([descriptor, stop = stop_.get(), settle = std::move(settle)] {
          std::array<pollfd, 2> watched{pollfd{stop, POLLIN, 0}, pollfd{descriptor, POLLIN, 0}};
          while (poll(watched.data(), watched.size(), -1) < 0 || watched[0].revents == 0) {
              settle();
          }
      }) {}

Settler::~Settler() {
    eventfd_write(stop_.get(), 1);
    thread_.join();
}

}  // namespace memcgfs::cli
