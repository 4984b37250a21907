package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/softphone-go/softphone/control/api"
)

// announce writes the discovery file into the data folder, readable by its
// owner only, whole or not at all.
func announce(dir string, d api.Discovery) error {
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".control-*") // 0600
	if err == nil {
		_, err = f.Write(append(data, '\n'))
		err = errors.Join(err, f.Close())
		if err == nil {
			err = os.Rename(f.Name(), filepath.Join(dir, api.DiscoveryFile))
		}
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}
	if err != nil {
		return fmt.Errorf("other commands cannot be told where the control API is: %w", err)
	}
	return nil
}

// withdraw removes the discovery file, unless another phone has written its own
// since.
func withdraw(dir string, d api.Discovery) {
	path := filepath.Join(dir, api.DiscoveryFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return
	}
	var now api.Discovery
	if json.Unmarshal(data, &now) == nil && now.PID == d.PID && now.Address == d.Address && now.Started.Equal(d.Started) {
		_ = os.Remove(path)
	}
}

func discoveryOf(address, tokenFile string) api.Discovery {
	return api.Discovery{Address: address, TokenFile: tokenFile, PID: os.Getpid(), Started: time.Now().UTC()}
}
