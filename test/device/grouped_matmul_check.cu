// Checks and times the grouped matmul device template on the current GPU; needs no compiler.
//
// usage: grouped_matmul_check check [FILTER]          every policy x tile against a naive reference
//        grouped_matmul_check time [FILTER] [--log F] candidate schedules over model shapes
// FILTER: substring of an entry's name. Exit codes: 0 ok, 1 wrong results, 2 usage, 5 driver
// failure, 6 no device. A run that takes longer than 150 s is killed.
#include "grouped_matmul_harness.cuh"

#include <cstring>
#include <unistd.h>

namespace check {
// Function-local statics: parts register from their own initialisers in any order.
std::vector<Entry> &check_entries() {
  static std::vector<Entry> entries;
  return entries;
}
std::vector<Entry> &time_entries() {
  static std::vector<Entry> entries;
  return entries;
}
extern std::FILE *time_log;
} // namespace check

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "", *filter = "";
  for (int i = 2; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--log") && i + 1 < argc)
      check::time_log = std::fopen(argv[++i], "w");
    else
      filter = argv[i];
  }
  const bool timing = !std::strcmp(mode, "time");
  if (!timing && std::strcmp(mode, "check")) {
    std::printf("usage: %s check|time [FILTER] [--log FILE]\n", argv[0]);
    return 2;
  }
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("no CUDA device\n");
    return 6;
  }
  alarm(150);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  int run = 0, wrong = 0;
  for (const check::Entry &entry : timing ? check::time_entries() : check::check_entries()) {
    if (!std::strstr(entry.name.c_str(), filter))
      continue;
    ++run;
    wrong += !entry.run();
  }
  std::printf("%s: %d entries, %d wrong\n", mode, run, wrong);
  return wrong || !run;
}
