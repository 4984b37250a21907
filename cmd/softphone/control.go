package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/control"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/sip"
)

// socketName is the Unix socket of the control API in the data folder.
const socketName = "control.sock"

// controlFlags say where the control API of a daemon is.
type controlFlags struct {
	listen, tokenFile string
	openMetrics       bool
}

func (c *controlFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&c.listen, "listen", "", "`ADDR` of the control API: 127.0.0.1:8780, [::1]:8780, unix:PATH, or off (default unix:DATA_DIR/"+socketName+")")
	fs.StringVar(&c.tokenFile, "token-file", "", "`FILE` with the control API's bearer token, made when absent; nobody else may read it (default DATA_DIR/"+api.TokenFile+")")
	fs.BoolVar(&c.openMetrics, "open-metrics", false, "answer GET /metrics without the token too; all else still needs it")
}

// check refuses an address that is none before anything is opened.
func (c *controlFlags) check() error {
	if c.listen == "" || c.listen == "off" {
		return nil
	}
	if network, _, err := config.ParseListen(c.listen); err == nil && network != "" {
		return usagef("--listen is the address of the control API, and %s one for SIP; give that with --sip-listen", c.listen)
	}
	if err := control.CheckAddress(c.listen); err != nil {
		return usagef("--listen %w", err)
	}
	return nil
}

// open starts the control API of a phone; nil when it is off. The socket that
// nobody asked for is no reason not to start: the log tells why it is not there.
func (c *controlFlags) open(ctx context.Context, s *session) (*control.Server, error) {
	if c.listen == "off" {
		return nil, nil
	}
	cfg := control.Config{
		Address: c.listen, TokenFile: c.tokenFile, DataDir: s.file.DataDir, Version: version,
		Directives: s.Agent(), Journal: s.Store(), Rules: s.Rules(), Contacts: s.Contacts(), History: s.Store(), Numbers: s.Numbers(),
		Metrics: s.metrics.Handler(), OpenMetrics: c.openMetrics, Ready: s.ready, Logger: s.log,
	}
	if cfg.TokenFile == "" {
		cfg.TokenFile = filepath.Join(s.file.DataDir, api.TokenFile)
	}
	if cfg.Address == "" {
		cfg.Address = "unix:" + filepath.Join(s.file.DataDir, socketName)
	}
	server, err := control.New(ctx, cfg)
	switch {
	case err != nil && c.listen == "" && c.tokenFile == "":
		s.log.Warn("there is no control API: other commands reach the data, not the phone", "error", err)
		return nil, nil
	case err != nil:
		return nil, badInput(err)
	}
	s.log.Info("the control API listens", "address", server.Address(), "token_file", cfg.TokenFile)
	return server, nil
}

// ready tells why directives cannot call yet.
func (s *session) ready() error {
	for _, a := range s.Accounts() {
		if a.Mode != config.ModePhone {
			continue
		}
		if a.Registration.Phase != sip.Registered {
			return fmt.Errorf("account %s is not registered (%s)", a.ID, a.Registration.Phase)
		}
		return nil
	}
	return errors.New("there is no account in phone mode, so directives cannot call")
}

// closeControl ends the control API once the phone has stopped: its event
// streams get all there is.
func closeControl(server *control.Server) error {
	if server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	err := server.Close(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // somebody did not take the answer
	}
	return err
}
