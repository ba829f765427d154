// What the credentials of each side may do.
import { type Answer, type ProbeResult, RIGHTS, type Side } from "../api/types";
import { type Key, t } from "../i18n";
import { explain } from "../why";
import { Icon } from "./icon";
import { Quote } from "./raw";

export function ProbeView({ probe, sides = ["source", "destination"] }: { probe: ProbeResult; sides?: Side[] }) {
  return (
    <div class="probe">
      {sides.map(
        (side) =>
          probe[side] && (
            <div key={side}>
              {sides.length > 1 && <h3>{t(`side.${side}`)}</h3>}
              <ul class="rights">
                {RIGHTS.map((right) => (
                  <Right
                    key={right}
                    side={side}
                    right={right}
                    answer={probe[side][right]}
                    silent={right !== "list" && probe[side].list?.answer === "no"}
                  />
                ))}
              </ul>
            </div>
          ),
      )}
    </div>
  );
}

/** Whether nothing that was tried was refused. */
export function isAllowed(probe: ProbeResult, side: Side): boolean {
  return Boolean(probe[side]) && RIGHTS.every((right) => probe[side]?.[right]?.answer !== "no");
}

/** `silent`: the reason is that of a right above. */
function Right({
  side,
  right,
  answer,
  silent,
}: {
  side: Side;
  right: string;
  answer: Answer | undefined;
  silent: boolean;
}) {
  // A source is neither written to nor deleted from: that it was not tried says nothing.
  if (!answer || (side === "source" && answer.answer === "not-tried" && ["write", "delete"].includes(right)))
    return null;
  const kind = answer.answer;
  const icon = kind === "yes" ? "check" : kind === "no" ? "cross" : "clock";
  return (
    <li class={kind}>
      <Icon name={icon} size={16} />
      <div>
        <strong>{t(`right.${right}` as Key)}</strong> <span>{t(`answer.${kind}`)}</span>
        {answer.reason && !silent && <Refusal answer={answer} />}
      </div>
    </li>
  );
}

function Refusal({ answer }: { answer: Answer }) {
  const reason = answer.reason ?? "";
  const { title, fix } = answer.answer === "no" ? explain(reason) : {};
  return (
    <>
      {title && <p>{title}</p>}
      {fix && <p class="remedy">{fix}</p>}
      <Quote text={answer.remedy ? `${reason}; ${answer.remedy}` : reason} />
    </>
  );
}
