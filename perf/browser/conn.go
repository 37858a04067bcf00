package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// conn is one debugging protocol connection over a pair of pipes: JSON objects
// ended by a zero byte (--remote-debugging-pipe). A call belongs to a session
// (a page), or to the browser when the session is empty. Events are ignored:
// nothing here enables a domain that sends any of use.
type conn struct {
	out io.WriteCloser

	done chan struct{} // closed when the browser's end of the pipe is
	err  error         // why; set before done is closed

	mu      sync.Mutex // guards the following and writes to out
	last    int64
	pending map[int64]chan answer
}

type call struct {
	ID      int64  `json:"id"`
	Session string `json:"sessionId,omitempty"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
}

type answer struct {
	ID     int64           `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *protocolError  `json:"error"`
}

type protocolError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    string `json:"data"`
}

func (e *protocolError) Error() string {
	if e.Data != "" {
		return fmt.Sprintf("%s: %s (%d)", e.Message, e.Data, e.Code)
	}
	return fmt.Sprintf("%s (%d)", e.Message, e.Code)
}

// Is says of an error that it is ErrNavigated, which the protocol has no code for.
func (e *protocolError) Is(target error) bool {
	if target != ErrNavigated {
		return false
	}
	switch e.Message {
	case "Inspected target navigated or closed", "Execution context was destroyed.", "Cannot find default execution context":
		return true
	}
	return false
}

func newConn(out io.WriteCloser) *conn {
	return &conn{out: out, done: make(chan struct{}), pending: make(map[int64]chan answer)}
}

// read hands answers to their callers until in ends.
func (c *conn) read(in io.Reader) {
	defer close(c.done)
	for r := bufio.NewReaderSize(in, 64<<10); ; {
		message, err := r.ReadBytes(0)
		if err != nil {
			c.err = errors.New("the browser has gone")
			return
		}
		var a answer
		if err := json.Unmarshal(message[:len(message)-1], &a); err != nil {
			c.err = fmt.Errorf("message from the browser: %w", err)
			return
		}
		c.mu.Lock()
		reply := c.pending[a.ID]
		delete(c.pending, a.ID)
		c.mu.Unlock()
		if reply != nil {
			reply <- a
		}
	}
}

// call sends a command and decodes its result into result, which may be nil.
func (c *conn) call(ctx context.Context, session, method string, params, result any) error {
	reply := make(chan answer, 1)
	id, err := c.send(session, method, params, reply)
	if err != nil {
		return fmt.Errorf("browser: %s: %w", method, err)
	}
	select {
	case a := <-reply:
		if a.Error != nil {
			return fmt.Errorf("browser: %s: %w", method, a.Error)
		}
		if result == nil {
			return nil
		}
		if err := json.Unmarshal(a.Result, result); err != nil {
			return fmt.Errorf("browser: %s: result: %w", method, err)
		}
		return nil
	case <-c.done:
		return fmt.Errorf("browser: %s: %w", method, c.err)
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.pending, id)
		c.mu.Unlock()
		return fmt.Errorf("browser: %s: %w", method, ctx.Err())
	}
}

func (c *conn) send(session, method string, params any, reply chan answer) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	message, err := json.Marshal(call{ID: c.last, Session: session, Method: method, Params: params})
	if err != nil {
		return 0, err
	}
	c.pending[c.last] = reply
	if _, err := c.out.Write(append(message, 0)); err != nil {
		delete(c.pending, c.last)
		return 0, err
	}
	return c.last, nil
}
