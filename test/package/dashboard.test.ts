import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { pageText, target } from '../../tools/dashboard-page/build.ts'

test('the page that is served is what its sources make: else run npm run build:page', async () => {
  const [served, made] = await Promise.all([readFile(target, 'utf8'), pageText()])
  expect(served === made, 'run npm run build:page').toBe(true)
})

test('the page says whose work the charts are, and under which licence', async () => {
  const served = await readFile(target, 'utf8')
  expect(served).toMatch(/With uPlot 1\.\d+\.\d+:\\nThe MIT License/)
  expect(served).toContain('Permission is hereby granted')
  expect(served.length).toBeLessThan(90_000)
})
