// Package wsmedia shows the desktop to one viewer on the WebSocket that is open
// anyway: where nothing but HTTP passes, and everywhere until something better does.
//
// # Pictures
//
// A binary message to the page is a picture or a part of one, all numbers big endian:
//
//	offset  size
//	0       1     type, 2
//	1       1     flags: 1 key frame, 2 refinement, 4 settled, 8 more of this picture follows
//	2       1     codec: 1 VP8, 2 H.264 (Annex B, parameter sets before each key frame), 3 JPEG rectangles
//	3       1     0
//	4       4     sequence: counts the pictures of a socket from 1 and never skips
//	8       2     width, pixels
//	10      2     height, pixels
//	12      8     damaged: the server's clock in µs; the grab's time for a picture without damage
//	20      4     grabbed, µs after damaged
//	24      4     converted, likewise
//	28      4     encoded, likewise
//	32      4     sent, likewise: its first byte was handed to the socket
//	36      1     quantizer, on the codec's own scale
//	37      3     profile: of H.264, profile_idc, constraint flags and level_idc as the stream's own
//	              sequence parameter set has them, the six digits of avc1.PPCCLL (RFC 6381); else 0
//	40      ...   payload
//
// No message is longer than 256 KiB. A larger picture comes in parts, one after the other with
// nothing of another picture between them: each but the last has flag 8, all have the same
// header but for that flag, and their payloads are put together. A picture is at most 16 MiB.
// A sequence that is not the next one is an error of the server's. The codec, the profile and the
// size change with a key frame alone.
//
// # Acknowledgements
//
// A binary message from the page:
//
//	0       1     type, 16
//	1       4     sequence of the newest picture that has arrived whole
//	5       4     decode: how long the newest picture decoded by then took, from its arrival, in µs; 0 unknown
//	9       4     arrived: when the last byte of that picture was there, the page's clock in µs modulo 2³²
//	13      1     waiting: pictures that have arrived and are not decoded, this one included, 255 at most
//
// The page sends one for each picture as soon as it has arrived whole, before it is decoded:
// arrival is what the network does, and decoding would hide it. After one that said that more than
// one was waiting it sends the same sequence and the same arrival again once the decoder has
// none left. An acknowledgement of a picture also acknowledges those before it. One
// of a picture that was not sent yet, or of one before the newest acknowledged, is
// counted and ignored.
//
// # Flow
//
// TCP takes whatever it is given and lets it queue: in the kernel, in proxies (of which some have
// no back-pressure at all) and in the bottleneck, for seconds. So no picture is grabbed, let alone
// encoded, while more is under way than the path holds: 1.25 times its bandwidth-delay
// product, of which the delay is the least recently seen, and the bandwidth is what arrived while
// the path was known to be busy. That is the model of BBR (Cardwell et al., "BBR:
// Congestion-Based Congestion Control", ACM Queue 14(5), 2016, and draft-ietf-ccwg-bbr), without
// its pacing, which is TCP's affair, and without its probing: a desktop sends in bursts,
// each of which shows by itself how fast the path is.
//
// The delay is what a picture or a ping takes while nothing else is under way. A ping tells that
// of the path. Pictures take longer than that, and than their bytes, with a page that is slow to
// look at what has arrived, which is no sign of a busy path. A desktop that never rests is held
// back every 10 s until all has arrived, for one to be seen.
package wsmedia
