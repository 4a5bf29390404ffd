package portable

import "github.com/shirou/gopsutil/v3/process"

// systemPeak returns the largest RSS a process ever had, in bytes.
func systemPeak(_ int, m *process.MemoryInfoStat) (float64, bool) { return float64(m.HWM), m.HWM > 0 }
