package peer

import (
	"context"
	"image"
	"net"

	"lucarne/perf/floor"
)

// served is a floor that is being served by this process.
type served struct {
	server *floor.Server
	stop   context.CancelFunc
	ended  chan error // what the server's Run returned
}

// startFloor serves the floor at a free port of the peer's namespace.
func (p *Peer) startFloor(size image.Point) error {
	server, err := floor.New(size)
	if err != nil {
		return err
	}
	host := p.space.Addr().String()
	l, err := p.space.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		l.Close()
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	p.values = values{"{host}": host, "{port}": port}
	p.version = "one message, one fill"
	p.floor = &served{server: server, stop: stop, ended: make(chan error, 1)}
	go func() { p.floor.ended <- server.Run(ctx, l) }()
	return nil
}

func (s *served) close() error {
	s.stop()
	return <-s.ended
}
