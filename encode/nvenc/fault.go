package nvenc

import "fmt"

// Layer says whose word a Fault is.
type Layer int

// The layers, as in shim.h.
const (
	noLayer       Layer = iota
	CUDALibrary         // libcuda.so.1 cannot be loaded, or lacks a function
	EncodeLibrary       // the same of libnvidia-encode.so.1
	Version             // the driver's encoder has an older API than is needed
	CUDA                // Status is a CUresult
	NVENC               // Status is an NVENCSTATUS
	Answer              // the driver says that all is well and answers nonsense
	Size                // the GPU does not encode pictures of this size
	Colour              // the GPU does not encode 4:4:4
	Codec               // the GPU does not encode H.264
)

// Fault is what a driver has refused, and what it says about it.
type Fault struct {
	Layer     Layer
	Status    int    // on the layer's own scale
	Name      string // of the status, as the vendor writes it; may be empty
	Operation string // the driver's function
	Text      string // the driver's own words; may be empty
	GPU       string // the GPU's name, as far as it is known
}

// Error says what happened, without the package's name.
func (f *Fault) Error() string {
	var what string
	switch f.Layer {
	case Version:
		what = fmt.Sprintf("the driver has the encoder API %d.%d, 11.1 is needed", f.Status>>4, f.Status&15)
	case Answer:
		what = "the driver answers nonsense"
	case Size:
		what = "the GPU does not encode pictures of this size"
	case Colour:
		what = "the GPU does not encode 4:4:4"
	case Codec:
		what = "the GPU does not encode H.264"
	case CUDA, NVENC:
		what = fmt.Sprintf("status %d", f.Status)
		if f.Name != "" {
			what = fmt.Sprintf("%s (%d)", f.Name, f.Status)
		}
	default:
		what = "the library cannot be used"
	}
	if f.Text != "" && f.Text != f.Name {
		what += ": " + f.Text
	}
	return f.Operation + ": " + what
}
