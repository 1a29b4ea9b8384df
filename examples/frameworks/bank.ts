/** A bank that takes everything but gold. */
export async function pay(cart: readonly string[]): Promise<void> {
  if (cart.includes('gold')) throw new Error('the bank refuses')
}
