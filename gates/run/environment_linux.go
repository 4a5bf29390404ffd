package run

import (
	"os"
	"strings"
	"syscall"
)

// machine describes the computer: the kernel's release, the processor's name, the memory in bytes.
func machine() (kernel, cpu string, memory int64) {
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = strings.TrimSpace(string(b))
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		cpu = cpuName(string(b))
	}
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) == nil {
		memory = int64(info.Totalram) * int64(info.Unit)
	}
	return kernel, cpu, memory
}

// cpuName finds the first processor's name: on amd64 its model's, on arm64 the numbers of its maker and part.
func cpuName(text string) string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if key = strings.TrimSpace(key); ok && found[key] == "" {
			found[key] = strings.TrimSpace(value)
		}
	}
	if name := found["model name"]; name != "" {
		return name
	}
	if found["CPU part"] != "" {
		return "implementer " + found["CPU implementer"] + " part " + found["CPU part"]
	}
	return ""
}
