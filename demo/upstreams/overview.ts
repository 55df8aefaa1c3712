/**
 * The simulation's own pages, at its root: who can sign in, and every switch as a form.
 * They exist for people who try the demo; no upstream has them.
 */
import { Router } from 'express'
import { html, raw } from 'hono/html'
import { form, on, part, sendText } from './exchange.ts'
import { addressOf, avatar, sendPage } from './pages.ts'
import type { Piece } from './pages.ts'
import type { Vendor } from './people.ts'
import type { Pictures } from './pictures.ts'
import { readTrap, resetTraps, setTrap, trapFamilies } from './traps.ts'
import type { TrapFamily } from './traps.ts'
import { peopleOf } from './world.ts'
import type { World } from './world.ts'

const vendors: { vendor: Vendor; title: string }[] = [
  { vendor: 'google', title: 'Simulated Google' },
  { vendor: 'microsoft', title: 'Simulated Microsoft' },
  { vendor: 'oidc', title: 'Simulated OpenID provider' },
]

const switchOf = (world: World, entry: TrapFamily): Piece => {
  const now = readTrap(world.traps, entry)
  const name = `${entry.vendor}.${entry.family}`
  return html`<div class="switch">
    <label for="${name}">${entry.family}</label>
    <select id="${name}" name="${name}">
      ${Object.entries(entry.values).map(
        ([value, says]) =>
          html`<option value="${value}" ${value === now ? raw(' selected') : ''}>${value}: ${says}</option>`,
      )}
    </select>
  </div>`
}

/** Routes of the root page, its form, and people's pictures for the choosers. */
export const overview = (world: World, pictures: Pictures): Router => {
  const router = Router()

  router.get(
    '/',
    on(async (_req, res) => {
      await sendPage(
        res,
        200,
        'Simulated upstreams',
        html`<p class="banner">Simulated upstreams — demo</p>
          <h1>Who can sign in, and what can go wrong</h1>
          <p>Everybody here is invented. A switch makes an upstream misbehave from the next request on.</p>
          <form method="post" action="/traps">
            ${vendors.map(
              ({ vendor, title }) =>
                html`<h2>${title}</h2>
                  <ul class="people">
                    ${peopleOf(world, vendor).map(
                      (person) =>
                        html`<li class="row">
                          ${avatar(person)}
                          <span class="who">
                            <strong>${person.name ?? addressOf(person)}</strong>
                            <span>${addressOf(person)}</span>
                            <small>${person.tag}</small>
                          </span>
                        </li>`,
                    )}
                  </ul>
                  <h3>Switches</h3>
                  ${trapFamilies
                    .filter((entry) => entry.vendor === vendor)
                    .map((entry) => switchOf(world, entry))}`,
            )}
            <p class="foot">
              <button class="plain" type="submit">Set switches</button>
              <button class="plain" type="submit" name="reset" value="all">Everything as usual</button>
            </p>
          </form>`,
      )
    }),
  )

  router.post('/traps', (req, res) => {
    // A page of another site must not flip switches in a running demo.
    if (req.headers.origin !== undefined && req.headers.origin !== world.origin) {
      return sendText(res, 403, 'text', 'Only from the simulation’s own page.')
    }
    const body = form(req)
    if (body.has('reset')) resetTraps(world.traps)
    else {
      for (const [name, value] of body) {
        const [vendor = '', family = ''] = name.split('.')
        setTrap(world.traps, vendor, family, value)
      }
    }
    res.redirect(303, '/')
  })

  router.get(
    '/people/:id/picture',
    on(async (req, res) => {
      const person = world.people.get(part(req, 'id'))
      if (person?.picture !== true) return sendText(res, 404, 'text', 'No picture.')
      res.set({ 'Content-Type': 'image/png', 'Cache-Control': 'private, max-age=3600' })
      res.send(await pictures.draw(person.id, 96, 'png'))
    }),
  )

  return router
}
