//go:build cgo && !nonvenc

package nvenc

// Present: this build has NVENC.
const Present = true
