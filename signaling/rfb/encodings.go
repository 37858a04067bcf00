package rfb

// known says whether an encoding or pseudo-encoding is one that leaves the
// page's messages such that the filter understands them. Those that are not
// known give a new meaning or another length to messages (extended mouse
// buttons, gestures), or bring a clipboard, sound or files.
func known(encoding int32) bool {
	switch encoding {
	case 0, 1, 2, 5, 6, 7, 16, 21, 50, -260: // Raw, CopyRect, RRE, Hextile, Zlib, Tight, ZRLE, JPEG, H.264, TightPNG
		return true
	case -223, -308: // DesktopSize, ExtendedDesktopSize
		return true
	case -224, -307: // LastRect, DesktopName
		return true
	case -239, 0x574d5664: // Cursor, VMware's
		return true
	case -258, -261: // QEMU's extended key event, QEMU's LED state
		return true
	case -312, -313: // Fence, ContinuousUpdates
		return true
	}
	quality := encoding >= -32 && encoding <= -23
	compression := encoding >= -256 && encoding <= -247
	return quality || compression
}
