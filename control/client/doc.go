// Package client speaks to a running phone through its local control API.
//
//	c, err := client.Discover(ctx, dataDir)   // ErrNotRunning: there is none
//	receipt, err := c.SendDirectives(ctx, directive)
//	err = c.Follow(ctx, client.Now, func(ev api.Event) error { ... })
//
// What the phone refuses comes back as *api.Problem. The token is sent only to
// who has proved to know it, when the phone was found by Discover.
//
// The package imports nothing of the phone but the documents of control/api.
package client
