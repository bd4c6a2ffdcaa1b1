#include "kraken/telemetry/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>

#include "prometheus/client_metric.h"
#include "prometheus/metric_type.h"

namespace kraken::telemetry {
namespace {

std::optional<double> ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return std::nullopt;
  int64_t total_pages = 0;
  int64_t resident_pages = 0;
  const int fields = std::fscanf(file, "%" SCNd64 " %" SCNd64, &total_pages, &resident_pages);
  std::fclose(file);
  if (fields != 2) return std::nullopt;
  return static_cast<double>(resident_pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

std::optional<double> CpuSeconds() {
  timespec used;
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return std::nullopt;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

std::optional<double> OpenFds() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  int count = 0;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(folder);
  return count - 1;  // Without the folder itself.
}

std::optional<double> MaxFds() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

void Append(std::vector<prometheus::MetricFamily>& families, prometheus::MetricType type,
            const char* name, const char* help, std::optional<double> value) {
  if (!value.has_value()) return;
  prometheus::ClientMetric metric;
  metric.counter.value = *value;
  metric.gauge.value = *value;
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  family.metric.push_back(metric);
  families.push_back(family);
}

}  // namespace

void AppendProcessMetrics(double start_time_seconds,
                          std::vector<prometheus::MetricFamily>& families) {
  using prometheus::MetricType;
  Append(families, MetricType::Gauge, "process_resident_memory_bytes", "Resident memory in bytes.",
         ResidentBytes());
  Append(families, MetricType::Counter, "process_cpu_seconds_total",
         "CPU time used, user and system, in seconds.", CpuSeconds());
  Append(families, MetricType::Gauge, "process_open_fds", "Open file descriptors.", OpenFds());
  Append(families, MetricType::Gauge, "process_max_fds", "Limit of open file descriptors.",
         MaxFds());
  Append(families, MetricType::Gauge, "process_start_time_seconds",
         "Start of the process in seconds since the Unix epoch.", start_time_seconds);
}

}  // namespace kraken::telemetry
