//go:build unix

package config

import (
	"fmt"
	"os"
)

// private refuses a file that others may read.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("others may read it (mode %04o); run: chmod 600 %s", mode, path)
	}
	return nil
}
