package link

import (
	"context"
	"encoding/binary"
	"net"
	"slices"
	"testing"
	"time"
)

// BenchmarkLink sends datagrams of 1200 bytes through each emulated link at nine
// tenths of its rate, and says how much later than the model has it they arrive,
// the sender's and the receiver's own delays included, and what the emulator
// costs. Loss and jitter are off.
func BenchmarkLink(b *testing.B) {
	if err := Supported(); err != nil {
		b.Skipf("no links here: %v", err)
	}
	for _, p := range Profiles() {
		if !p.Emulated {
			continue
		}
		b.Run(p.Name, func(b *testing.B) { benchmarkLink(b, p) })
	}
}

func benchmarkLink(b *testing.B, p Profile) {
	p.Loss, p.Jitter = 0, 0
	l, err := Open(p)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go l.Run(context.Background())
	listener, err := socket(l.Client)
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	sender, err := l.Server.Dial(b.Context(), "udp", listener.LocalAddr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer sender.Close()

	const size = 1200
	sending := time.Duration(float64((size+ipAndUDP)*8) / float64(p.Bps) * float64(time.Second))
	model := newLane(p, 0)
	start := time.Now()
	late := make([]time.Duration, 0, b.N)
	done := make(chan struct{})
	go func() {
		defer close(done)
		body := make([]byte, size)
		for range b.N {
			if _, _, err := listener.ReadFrom(body); err != nil {
				b.Error(err)
				return
			}
			sent := time.Duration(binary.BigEndian.Uint64(body))
			at, _, _ := model.admit(sent, size+ipAndUDP)
			late = append(late, time.Since(start)-at)
		}
	}()
	body := make([]byte, size)
	for i := range b.N {
		time.Sleep(time.Until(start.Add(time.Duration(i) * sending * 10 / 9)))
		binary.BigEndian.PutUint64(body, uint64(time.Since(start)))
		if _, err := sender.Write(body); err != nil {
			b.Fatal(err)
		}
	}
	<-done
	took := time.Since(start)
	s, err := l.Stats()
	if err != nil || len(late) == 0 {
		b.Fatal(err)
	}
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)/2].Microseconds()), "late-p50-µs")
	b.ReportMetric(float64(late[len(late)*95/100].Microseconds()), "late-p95-µs")
	b.ReportMetric(float64(len(late)*(size+ipAndUDP)*8)/took.Seconds()/1e6, "Mbit/s")
	b.ReportMetric(100*s.CPU.Seconds()/took.Seconds(), "cpu-%")
}

// socket returns an unconnected UDP socket in a namespace.
func socket(n *Namespace) (c net.PacketConn, err error) {
	err = n.Do(func() (err error) {
		c, err = net.ListenPacket("udp", net.JoinHostPort(n.Addr().String(), "0"))
		return err
	})
	return c, err
}
