package nvenc

import "strings"

// Code names what a probe has come to.
type Code string

// The codes, and what the argument of each is.
const (
	Encodes        Code = "encodes"         // the GPU's name
	NoDriver       Code = "no-driver"       // none
	NoCapability   Code = "no-capability"   // what the container lacks: "compute" or "video"
	Library        Code = "library"         // which library cannot be used, and why
	LibraryVersion Code = "library-version" // which library is not the driver's
	OldDriver      Code = "old-driver"      // the encoder API that it has: "11.0"
	DeviceFile     Code = "device-file"     // which is missing
	NoGPU          Code = "no-gpu"          // none
	PartOfHost     Code = "part-of-host"    // none
	NoEncoder      Code = "no-encoder"      // the GPU's name
	NoH264         Code = "no-h264"         // the GPU's name
	No444          Code = "no-444"          // the GPU's name
	TooLarge       Code = "too-large"       // the GPU's name
	NoMemory       Code = "no-memory"       // the GPU's name
	NoSession      Code = "no-session"      // the GPU's name
	NoCUDA         Code = "no-cuda"         // what the driver says
	Failed         Code = "failed"          // what the driver says
	Nonsense       Code = "nonsense"        // what the driver says
	NoProcess      Code = "no-process"      // none
	Hangs          Code = "hangs"           // none: the driver hangs or crashes when it is tried
)

// What to do about a cause.
const (
	hostLibraries = "let the container runtime mount the host's driver libraries, and have none in the image"
	giveGPU       = "give the container a GPU (--gpus, or a limit of nvidia.com/gpu)"
)

// sentence is a code in words for people, without full stops; % is the argument.
type sentence struct{ cause, fix string }

var sentences = map[Code]sentence{
	Encodes:        {"% encodes H.264", ""},
	NoDriver:       {"there is no NVIDIA driver here", ""},
	NoCapability:   {"the container lacks the `%` driver capability", "set NVIDIA_DRIVER_CAPABILITIES=all"},
	Library:        {"a library of the NVIDIA driver is not usable (%)", hostLibraries},
	LibraryVersion: {"% is of another version than the host's driver", hostLibraries},
	OldDriver:      {"the NVIDIA driver is too old, its encoder has the API % and 11.1 is needed", "update the host's NVIDIA driver to 470.57 or later"},
	DeviceFile:     {"the device file % is missing", giveGPU},
	NoGPU:          {"the NVIDIA driver sees no GPU", giveGPU},
	PartOfHost: {"NVENC of drivers from 570 on does not open in a container with some of the host's GPUs only",
		"give the container all GPUs of the host, or the one with /dev/nvidia0, or use a driver before 570"},
	NoEncoder: {"% has no NVENC", ""},
	NoH264:    {"% has no encoder for H.264", ""},
	No444:     {"% does not encode 4:4:4", ""},
	TooLarge:  {"% does not encode pictures of this size", ""},
	NoMemory:  {"% has no memory left", "free some of the GPU's memory"},
	NoSession: {"% has no encoder session left", "end other programs that encode on it"},
	NoCUDA:    {"CUDA does not work (%)", ""},
	Failed:    {"NVENC does not work (%)", ""},
	Nonsense:  {"the NVIDIA driver answers nonsense (%)", hostLibraries},
	NoProcess: {"the encoder's process cannot be started", ""},
	Hangs:     {"the NVIDIA driver crashes or hangs when it is tried", "restart the container, or update the host's driver"},
}

// Result is what Probe has found out.
type Result struct {
	Code  Code
	Arg   string // of the code
	Error string // what the driver said, for the log
	Note  string // what had to be worked round, for the log
}

// OK says that test frames were encoded.
func (r Result) OK() bool { return r.Code == Encodes }

// Lasting says that the GPU will never encode, whatever becomes of the rest.
func (r Result) Lasting() bool { return r.Code == NoEncoder || r.Code == NoH264 }

// Cause says in English what the probe has come to.
func (r Result) Cause() string {
	return strings.Replace(sentences[r.Code].cause, "%", r.Arg, 1)
}

// Fix says in English what to do about it; empty: nothing can be done, or nothing
// has to be.
func (r Result) Fix() string { return sentences[r.Code].fix }

// String is all of it in a sentence.
func (r Result) String() string {
	switch fix := r.Fix(); {
	case r.OK():
		return r.Cause()
	case fix != "":
		return r.Cause() + ": " + fix
	}
	return r.Cause() + ": encoding in software"
}
