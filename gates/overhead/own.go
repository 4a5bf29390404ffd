package overhead

// own is what a document took as string and as hash, in bytes with a key of 24 bytes.
type own struct {
	document   string
	text, hash float64
}

// ownOn is the day of that measurement: Redis 7.0.15, jemalloc 5.3.0, 64 bits.
const ownOn = "2026-11-22"

func ownBudgets() []own {
	return []own{
		{"tiny", 104, 104},
		{"small", 184, 184},
		{"medium", 520, 712},
		{"large", 2632, 3656},
		{"array_small", 712, 968},
		{"array_medium", 6216, 8264},
		{"array_large", 65608, 247264},
		{"nested_moderate", 328, 456},
		{"nested_deep", 1096, 6048},
		{"homogeneous_u8_small", 392, 1352},
		{"homogeneous_u8_large", 41032, 676696},
		{"homogeneous_float_small", 712, 1608},
		{"homogeneous_float_large", 81992, 703360},
		{"homogeneous_int_small", 392, 1352},
		{"homogeneous_int_large", 49224, 676696},
	}
}
