/** The EIP-712 types, as docs/spec/encoding.md (EN-63, EN-64) writes them. */

type Field = { name: string; type: string }

function fields(text: string): Field[] {
  return text.split(',').map((field) => {
    const [type = '', name = ''] = field.split(' ')
    return { name, type }
  })
}

export const SIGNED_TYPES = {
  BalanceProof: fields('bytes32 channelId,uint8 direction,uint64 nonce,uint64 acked,bytes32 contentHash'),
  Withdrawal: fields('bytes32 channelId,uint8 party,uint128 total,uint64 validUntil'),
  CloseTogether: fields('bytes32 channelId,int256 delta,uint64 validUntil'),
  JointFunding: fields('bytes32 channelId,uint128 amount0,uint128 amount1,address sender,uint64 validUntil'),
  Condition: fields('bytes32 conditionId'),
} satisfies Record<string, readonly Field[]>
