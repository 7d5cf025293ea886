import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, at } from '../../api.ts';

/** A setting of a bucket: what it is now (null: not set), and how to change it. */
export function useSetting<T>(bucket: string, kind: string) {
  const client = useQueryClient();
  const now = useQuery({
    queryKey: ['setting', bucket, kind],
    queryFn: async () => (await api.get<{ value: T | null }>(at`/buckets/${bucket}/${kind}`)).value,
  });
  const change = useMutation({
    mutationFn: (value: T | null) =>
      value === null ? api.delete(at`/buckets/${bucket}/${kind}`) : api.put(at`/buckets/${bucket}/${kind}`, value),
    onSuccess: () => client.invalidateQueries({ queryKey: ['setting', bucket, kind] }),
  });
  return { now, change };
}
