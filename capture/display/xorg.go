package display

import (
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
)

// xorgPrograms are where the server itself is installed: /usr/bin/Xorg is often
// a wrapper that lets only who sits before the machine start it.
var xorgPrograms = []string{"/usr/lib/xorg/Xorg", "/usr/libexec/Xorg", "/usr/lib/Xorg"}

// xorgModules are where its video drivers are installed.
var xorgModules = []string{"/usr/lib/xorg/modules", "/usr/lib64/xorg/modules"}

// xorgLeast is a size that the driver does not find too small to begin with.
var xorgLeast = image.Pt(320, 200)

// findXorg returns the path of an Xorg, if one of the directories has the driver
// that needs no graphics card.
func findXorg(modules []string) (program string, err error) {
	if !anyFile(modules, "drivers/dummy_drv.so") {
		return "", fmt.Errorf("display: %w: install the Debian package xserver-xorg-video-dummy", &exec.Error{Name: "dummy_drv.so", Err: exec.ErrNotFound})
	}
	for _, path := range xorgPrograms {
		if program, err = exec.LookPath(path); err == nil {
			return program, nil
		}
	}
	if program, err = exec.LookPath(Xorg); err == nil {
		return program, nil
	}
	return "", fmt.Errorf("display: %w: install the Debian package xserver-xorg-core", err)
}

func anyFile(dirs []string, name string) bool {
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// writeXorg writes the server's configuration beside the cookie and returns the
// arguments that name it.
func (p *Plan) writeXorg() (args []string, err error) {
	config, log := p.beside("xorg.conf"), p.beside("xorg.log")
	if err := os.WriteFile(config, []byte(xorgConfig(p.Start)), 0o600); err != nil {
		return nil, fmt.Errorf("display: configuration: %w", err)
	}
	p.files = append(p.files, config, log, log+".old")
	return []string{"-config", config, "-logfile", log, "-novtswitch", "-sharevts"}, nil
}

// xorgConfig is an xorg.conf(5) of one screen without a card, a monitor or
// devices: input comes by XTEST. Whatever the machine does have is left alone.
func xorgConfig(size image.Point) string {
	// A mode's timings mean nothing here, but have to be in order, and not those
	// of reduced blanking, which it takes for another monitor's. The driver's
	// clock goes from 11 to 300 MHz.
	width, height := size.X+200, size.Y+40
	megahertz := min(max(12, float64(width*height)*60/1e6), 290)
	mode := fmt.Sprintf("%dx%d", size.X, size.Y)
	modeline := fmt.Sprintf("%q %.2f %d %d %d %d %d %d %d %d", mode, megahertz,
		size.X, size.X+40, size.X+100, width, size.Y, size.Y+3, size.Y+8, height)
	return fmt.Sprintf(`Section "ServerFlags"
	Option "AutoAddDevices" "false"
	Option "AutoEnableDevices" "false"
	Option "AutoAddGPU" "false"
	Option "DontVTSwitch" "true"
EndSection

Section "Device"
	Identifier "dummy"
	Driver "dummy"
	VideoRam %d
EndSection

Section "Monitor"
	Identifier "monitor"
	HorizSync 1-4000
	VertRefresh 1-1000
	Modeline %s
EndSection

Section "Screen"
	Identifier "screen"
	Device "dummy"
	Monitor "monitor"
	DefaultDepth 24
	SubSection "Display"
		Depth 24
		Modes %q
		Virtual %d %d
	EndSubSection
EndSection
`, xorgVideoKiB, modeline, mode, size.X, size.Y)
}

// xorgVideoKiB bounds the sizes that the screen can take on: room for 8192×8192.
// Memory that is not drawn to is not used.
const xorgVideoKiB = 256 << 10
