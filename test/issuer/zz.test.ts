import { expect, test } from '@jest/globals'
import { testSetting } from '../support/app.ts'
import { keyAppYaml, keyOf, post, ASSERTION_TYPE } from './helpers.ts'
test('x', async () => {
  const k = await keyOf('k1')
  const s = await testSetting({ clients: keyAppYaml('archive', k) })
  console.log(await post(`${s.issuer}/introspect`, { client_assertion_type: ASSERTION_TYPE, client_assertion: await k.assertion('archive', s.issuer), token: 'x'.repeat(43) }))
  await s.close()
})
