package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/store"
)

// folderHelp is what all commands on a data folder say of it.
const folderHelp = `The data is that of the folder which softphone run has (--data-dir, or data_dir in the file
after -c). While a phone runs on it, changes go through the phone.`

// folderFlags are those of the commands that work on a phone's data.
type folderFlags struct {
	file, dataDir, region string
	json                  bool
}

func (f *folderFlags) add(cmd *cobra.Command) {
	fs := cmd.PersistentFlags()
	fs.StringVarP(&f.file, "config", "c", "", "TOML `FILE` with data_dir and phone.region (or SOFTPHONE_CONFIG)")
	fs.StringVar(&f.dataDir, "data-dir", "", "`DIR` of the phone's data (or SOFTPHONE_DATA_DIR; default ~/.local/state/softphone)")
	fs.BoolVar(&f.json, "json", false, "print JSON lines, the last one the result")
}

func (f *folderFlags) addRegion(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.region, "region", "", "`COUNTRY` whose numbers these are, such as US (default KR); a running phone has its own")
}

// load joins file, environment and flags; flags win. Accounts are left alone:
// their passwords are no business of these commands.
func (f *folderFlags) load(env *environment) (config.File, error) {
	c := config.Default()
	if path := cmp.Or(f.file, env.getenv("SOFTPHONE_CONFIG")); path != "" {
		var err error
		if c, err = config.Load(path, env.getenv); err != nil {
			return c, &exitError{exitUsage, err}
		}
	}
	c.Phone.Region = cmp.Or(f.region, c.Phone.Region)
	c.DataDir = cmp.Or(f.dataDir, env.getenv("SOFTPHONE_DATA_DIR"), c.DataDir)
	if c.DataDir == "" {
		var err error
		if c.DataDir, err = phone.DataDir(env.getenv); err != nil {
			return c, err
		}
	}
	return c, nil
}

// folder is a data folder that a command works on.
type folder struct {
	env    *environment
	file   config.File
	plan   *number.Plan
	out    *printer
	region bool // it was given on the command line
	data   *store.Store
	phone  *client.Client
	stale  *client.StaleError // why a phone that should be there is not; nil when none should
}

// with opens the folder for one command. Nothing is read before it is asked for.
func (f *folderFlags) with(env *environment, do func(*folder) error) (err error) {
	c, err := f.load(env)
	if err != nil {
		return err
	}
	plan, err := number.New(c.Phone.Region)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	d := &folder{env: env, file: c, plan: plan, out: newPrinter(env.stdout, f.json), region: f.region != ""}
	defer func() { err = errors.Join(err, d.close()) }()
	return do(d)
}

// on runs do on the contacts or the rules of the folder, which open finds.
func on[T any](env *environment, f *folderFlags, cmd *cobra.Command, open func(*folder, context.Context) (T, error), do func(*folder, T) error) error {
	return f.with(env, func(d *folder) error {
		data, err := open(d, cmd.Context())
		if err != nil {
			return err
		}
		return do(d, data)
	})
}

func (d *folder) close() error {
	if d.phone != nil {
		d.phone.Close()
	}
	if d.data == nil {
		return nil
	}
	return d.data.Close()
}

// store opens the data.
func (d *folder) store(ctx context.Context) (*store.Store, error) {
	if d.data != nil {
		return d.data, nil
	}
	s, err := store.Open(ctx, filepath.Join(d.file.DataDir, phone.StoreName), store.Options{})
	if err != nil {
		return nil, badInput(fmt.Errorf("%w; another folder can be given with --data-dir", err))
	}
	if r, ok := s.Recovered(); ok {
		fmt.Fprintf(d.env.stderr, "softphone: warning: %s\n", r)
	}
	d.data = s
	return s, nil
}

// running returns the phone that runs on the folder; false when there is none.
func (d *folder) running(ctx context.Context) (*client.Client, bool, error) {
	if d.phone != nil {
		return d.phone, true, nil
	}
	if info, err := os.Stat(d.file.DataDir); err == nil && !info.IsDir() {
		return nil, false, nil // opening the store says what is wrong
	}
	c, err := client.Discover(ctx, d.file.DataDir)
	switch {
	case errors.Is(err, client.ErrNotRunning):
		_ = errors.As(err, &d.stale)
		return nil, false, nil
	case err != nil:
		return nil, false, &exitError{exitUnreachable, err}
	case d.region:
		c.Close()
		return nil, false, usagef("a phone runs on this folder and reads numbers as its own region has them; leave --region out")
	}
	d.phone = c
	return c, true, nil
}

// mustRun is running for commands that are nothing without a phone.
func (d *folder) mustRun(ctx context.Context) (*client.Client, error) {
	c, ok, err := d.running(ctx)
	switch {
	case err != nil || ok:
	case d.stale != nil:
		err = &exitError{exitUnreachable, fmt.Errorf("no phone runs on %s: %s tells of one, but %w; start one with `softphone run`, again if its token file has changed since",
			d.file.DataDir, filepath.Base(d.stale.File), d.stale.Reason)}
	default:
		err = &exitError{exitUnreachable, fmt.Errorf("no phone runs on %s; start one with `softphone run`, or name its folder with --data-dir", d.file.DataDir)}
	}
	return c, err
}

// refusedBy gives what a phone answered its exit code.
func refusedBy(err error) error {
	var p *api.Problem
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &p):
		return &exitError{exitUnreachable, err}
	case p.Status == 404:
		return &exitError{exitNotFound, err}
	case p.Status >= 500:
		return &exitError{exitInternal, err}
	}
	return &exitError{exitUsage, err}
}

// input opens a file to read, or standard input for "-".
func (d *folder) input(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(d.env.stdin), nil
	}
	f, err := os.Open(path)
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && info.IsDir() {
			err = fmt.Errorf("%s is a folder", path)
		}
		if err != nil {
			_ = f.Close()
		}
	}
	if err != nil {
		return nil, usagef("%w; give the path of a file, or - for standard input", err)
	}
	return f, nil
}

// output hands write a file, or standard output for "-" and "". A file is
// private, and there is either the whole of it or none; one that is there
// already is replaced only if force is set.
func (d *folder) output(path string, force bool, write func(io.Writer) error) (err error) {
	if path == "" || path == "-" {
		return write(d.env.stdout)
	}
	if _, err := os.Stat(path); err == nil && !force {
		return usagef("%s is there already; --force replaces it", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".softphone-*") // mode 0600
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err // the file of a name nobody gave
		}
		return usagef("%s cannot be written into the folder %s: %w", path, filepath.Dir(path), err)
	}
	err = write(f)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("%s was not written: %w", path, err)
	}
	return nil
}
