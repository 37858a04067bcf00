package nvenc

// GPU is how one GPU is, or one slice of a GPU (MIG).
type GPU struct {
	Name        string
	UUID        string // as NVIDIA_VISIBLE_DEVICES takes it
	MemoryUsed  uint64 // bytes
	MemoryTotal uint64 // bytes
	Busy        int    // percent of the time that it computed; -1: unknown, as for slices
	Encoding    int    // percent of its encoders' capacity in use; -1: unknown, as where it has none
	Sessions    int    // of encoders, of all processes; -1: unknown
	Throttled   string // why it runs slower than it could: "heat", "power" or empty
}
