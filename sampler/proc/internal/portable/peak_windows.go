package portable

import (
	"unsafe"

	"github.com/shirou/gopsutil/v3/process"
	"golang.org/x/sys/windows"
)

// memoryCounters is PROCESS_MEMORY_COUNTERS of psapi.h.
type memoryCounters struct {
	size                           uint32
	pageFaults                     uint32
	peakWorkingSet, workingSet     uintptr
	peakPagedPool, pagedPool       uintptr
	peakNonPagedPool, nonPagedPool uintptr
	pagefile, peakPagefile         uintptr
}

// systemPeak returns the largest working set a process ever had, in bytes.
func systemPeak(pid int, _ *process.MemoryInfoStat) (float64, bool) {
	handle, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return 0, false
	}
	defer func() { _ = windows.CloseHandle(handle) }()
	var c memoryCounters
	c.size = uint32(unsafe.Sizeof(c))
	get := windows.NewLazySystemDLL("kernel32.dll").NewProc("K32GetProcessMemoryInfo")
	if get.Find() != nil {
		return 0, false
	}
	ok, _, _ := get.Call(uintptr(handle), uintptr(unsafe.Pointer(&c)), uintptr(c.size))
	return float64(c.peakWorkingSet), ok != 0
}
